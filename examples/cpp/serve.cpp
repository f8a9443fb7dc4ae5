/*
 * serve ROOT [PORT]: receives uploads into the directory ROOT on 127.0.0.1. The first line on stdout is
 * "listening on URL". Stops on SIGINT and SIGTERM with exit code 0; exits with 1 on errors, 2 on wrong usage.
 *
 *     c++ -std=c++17 -Iinclude examples/cpp/serve.cpp -Ltarget/debug -lbitsup -o serve
 */
#include <bitsup.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace {

bitsup::server start(const std::string &root, std::uint16_t port)
{
    const auto store = bitsup::store::directory(root);
    const bitsup::engine engine(bitsup::engine_config().store(store));
    // The server keeps references to what it needs.
    return bitsup::server(bitsup::server_config().mount("/", engine).listen("127.0.0.1", port));
}

// Called before the server creates its threads, so that sigwait() receives the signals.
sigset_t block_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

} // namespace

int main(int argc, char **argv)
{
    char nothing[] = "", *end = nothing;
    const unsigned long port = argc == 3 ? std::strtoul(argv[2], &end, 10) : 0;
    if ((argc != 2 && argc != 3) || *end != '\0' || port > UINT16_MAX) {
        std::cerr << "usage: serve ROOT [PORT]\n";
        return 2;
    }
    const sigset_t signals = block_signals();
    try {
        bitsup::server server = start(argv[1], static_cast<std::uint16_t>(port));
        std::cout << "listening on " << server.url() << std::endl;
        int number = 0;
        sigwait(&signals, &number);
        server.stop(bitsup::milliseconds(10000));
        return 0;
    } catch (const bitsup::error &error) {
        std::cerr << "serve: " << error.what() << " (" << error.status_name() << ")\n";
        return 1;
    }
}
