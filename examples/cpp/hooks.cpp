/*
 * hooks [PORT]: a server on 127.0.0.1 that replies to each upload with its number of lines. Uploads are kept in memory
 * and discarded. Clients whose header field X-User is not "alice" are rejected. The first line on stdout is
 * "listening on URL". Stops at the end of stdin.
 *
 *     c++ -std=c++17 -Iinclude examples/cpp/hooks.cpp -Ltarget/debug -lbitsup -o hooks
 */
#include <bitsup.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <limits>
#include <vector>

namespace {

std::uint64_t lines(const bitsup::upload &upload)
{
    std::vector<std::uint8_t> buffer(64 * 1024);
    std::uint64_t offset = 0, count = 0;
    while (const std::size_t part = upload.read(offset, buffer.data(), buffer.size())) {
        count += static_cast<std::uint64_t>(std::count(buffer.data(), buffer.data() + part, '\n'));
        offset += part;
    }
    return count;
}

bitsup::application line_counter()
{
    bitsup::application application;
    application.request = [](const bitsup::upload &upload, bitsup::verdict &verdict) {
        if (upload.header("X-User") == "alice")
            verdict.owner("alice");
        else
            verdict.reject(403);
    };
    application.received = [](const bitsup::upload &upload, bitsup::verdict &verdict) {
        verdict.keep_file(false);
        verdict.reply_text(std::to_string(lines(upload)) + " lines\n");
    };
    application.failed = [](std::exception_ptr exception) {
        try {
            std::rethrow_exception(exception);
        } catch (const std::exception &what) {
            std::cerr << "hooks: " << what.what() << '\n';
        }
    };
    return application;
}

} // namespace

int main(int argc, char **argv)
{
    try {
        const int port = argc > 1 ? std::stoi(argv[1]) : 0;
        const bitsup::engine engine(bitsup::engine_config()
                                        .store(bitsup::store::memory(std::uint64_t{1} << 30))
                                        .hooks(bitsup::hooks(line_counter())));
        bitsup::server server(
            bitsup::server_config().mount("/", engine).listen("127.0.0.1", static_cast<std::uint16_t>(port)));
        std::cout << "listening on " << server.url() << std::endl;
        std::cin.ignore(std::numeric_limits<std::streamsize>::max());
        server.stop(std::chrono::seconds(10));
        return 0;
    } catch (const std::exception &what) {
        std::cerr << "hooks: " << what.what() << '\n';
        return 1;
    }
}
