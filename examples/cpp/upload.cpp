/*
 * upload FILE URL [STATE]: uploads FILE to URL. With the path of a STATE file, the same command resumes an upload
 * that was interrupted. Prints "progress SENT TOTAL" after each acknowledged fragment. Exits with 0 if the file was
 * delivered, 1 if not, 2 on wrong usage.
 *
 *     c++ -std=c++17 -Iinclude examples/cpp/upload.cpp -Ltarget/debug -lbitsup -o upload
 */
#include <bitsup.hpp>

#include <iostream>

namespace {

bitsup::callbacks progress_output()
{
    bitsup::callbacks callbacks;
    callbacks.progress = [](std::uint64_t sent, std::uint64_t total) {
        std::cout << "progress " << sent << ' ' << total << std::endl;
        return bitsup::flow::proceed;
    };
    callbacks.retry = [](const bitsup::error &cause, std::uint32_t attempt, bitsup::milliseconds &delay) {
        std::cerr << "attempt " << attempt << " failed: " << cause.what() << "; next in " << delay.count()
                  << " ms\n";
        return bitsup::flow::proceed;
    };
    return callbacks;
}

void print_error(const bitsup::error &error)
{
    std::cerr << "upload: " << error.what() << " (" << error.status_name();
    if (error.http_status() != 0)
        std::cerr << ", HTTP " << error.http_status();
    if (error.hresult() != 0)
        std::cerr << ", HRESULT 0x" << std::hex << std::uppercase << error.hresult();
    std::cerr << ")\n";
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        std::cerr << "usage: upload FILE URL [STATE]\n";
        return 2;
    }
    try {
        bitsup::job job(bitsup::client(), argv[2], bitsup::source::from_file(argv[1]));
        job.set_observer(bitsup::observer(progress_output()));
        if (argc == 4)
            job.set_state_path(argv[3]);
        job.run();
        return 0;
    } catch (const bitsup::error &error) {
        print_error(error);
        return 1;
    }
}
