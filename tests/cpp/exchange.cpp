// Exchanges in C++, with an HTTP server reduced to a few strings. Takes two empty folders.
#include "check.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>
#include <unistd.h>

namespace {

const std::string data = "0123456789";

const std::uint8_t *bytes(std::size_t at) { return reinterpret_cast<const std::uint8_t *>(data.data()) + at; }

std::string header(const bitsup::response &response, const std::string &name)
{
    for (std::size_t i = 0; i < response.header_count(); i++)
        if (response.header_name(i) == name)
            return response.header_value(i);
    return {};
}

bitsup::exchange packet(const bitsup::engine &engine, const std::string &kind, const std::string &length)
{
    bitsup::exchange exchange(engine);
    exchange.set_request("BITS_POST", "/a")
        .add_header("Host", "example")
        .add_header("BITS-Packet-Type", kind)
        .add_header("Content-Length", length)
        .set_peer("10.0.0.1")
        .set_owner("somebody")
        .set_mount("/up/")
        .set_secure(true);
    return exchange;
}

std::string create(const bitsup::engine &engine)
{
    bitsup::exchange exchange = packet(engine, "Create-Session", "0");
    exchange.add_header("BITS-Supported-Protocols", "{7df0354d-249b-430f-820d-3d2a9bef4931}");
    CHECK(exchange.begin() == bitsup::want::finish);
    const bitsup::response response = exchange.finish();
    CHECK(response.status() == 200 && std::string(response.reason()) == "OK" && !response.must_close());
    return header(response, "BITS-Session-Id");
}

bitsup::exchange fragment(const bitsup::engine &engine, const std::string &session)
{
    bitsup::exchange exchange = packet(engine, "Fragment", "10");
    exchange.add_header("BITS-Session-Id", session).add_header("Content-Range", "bytes 0-9/10");
    CHECK(exchange.begin() == bitsup::want::body);
    return exchange;
}

void body_from_memory_and_from_a_descriptor(const bitsup::engine &engine, const std::string &root)
{
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "0123", 4) == 4);
    const std::string session = create(engine);
    bitsup::exchange exchange = fragment(engine, session);
    const bitsup::fd_body taken = exchange.body_from_fd(ends[0], 100);
    CHECK(taken.count == 4 && taken.want == bitsup::want::body);
    CHECK(exchange.body(bytes(4), 6) == bitsup::want::finish);
    const bitsup::response response = exchange.finish();
    CHECK(response.status() == 200 && header(response, "BITS-Received-Content-Range") == "10");
    std::ifstream copy(root + "/a");
    CHECK(std::string(std::istreambuf_iterator<char>(copy), {}) == data);
    close(ends[0]);
    close(ends[1]);
}

// Destroying an exchange counts as a lost connection.
void stored_data_is_kept(const bitsup::engine &engine)
{
    const std::string session = create(engine);
    CHECK(fragment(engine, session).body(bytes(0), 3) == bitsup::want::body);
    bitsup::exchange again = fragment(engine, session);
    CHECK(again.body(bytes(0), 10) == bitsup::want::finish && again.finish().status() == 200);
}

void responses_have_a_length_and_a_body(const bitsup::engine &engine)
{
    bitsup::exchange exchange(engine);
    exchange.set_request("GET", "/a");
    CHECK(exchange.begin() == bitsup::want::finish);
    bitsup::response response = exchange.finish();
    std::uint8_t byte = 0;
    CHECK(response.status() == 404 && response.content_length() == 0 && response.body_length() == 0);
    CHECK(response.read_body(&byte, 1) == 0 && response.header_name(response.header_count()) == nullptr);
    CHECK(engine.accepts("BITS_POST", "/a") && !engine.accepts("GET", "/a"));
}

void calls_out_of_order_throw(const bitsup::engine &engine)
{
    static_assert(!std::is_copy_constructible_v<bitsup::exchange> && std::is_move_assignable_v<bitsup::exchange>);
    bitsup::exchange exchange(engine);
    try {
        exchange.finish();
        CHECK(false);
    } catch (const bitsup::error &error) {
        CHECK(error.status() == BITSUP_E_INVALID_STATE);
    }
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    const bitsup::engine engine(
        bitsup::engine_config().store(bitsup::store::directory(argv[1])).allow_overwrite(true));
    body_from_memory_and_from_a_descriptor(engine, argv[1]);
    stored_data_is_kept(engine);
    responses_have_a_length_and_a_body(engine);
    calls_out_of_order_throw(engine);
}
