// What bitsup.hpp adds to the C API: ownership, exceptions, and callbacks that throw. Takes two empty folders.
#include "check.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <type_traits>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

struct thrown {
    int number;
};

// A server in this process, and a client with small fragments and few retries.
struct fixture {
    std::string root;
    bitsup::engine engine;
    bitsup::server server;
    bitsup::client client;

    explicit fixture(const std::string &folder)
        : root(folder),
          engine(bitsup::engine_config()
                     .store(bitsup::store::directory(folder, BITSUP_DURABILITY_NONE))
                     .allow_overwrite(true)
                     .overlap(BITSUP_OVERLAP_REJECT)
                     .finalize(BITSUP_FINALIZE_CLOSE)
                     .max_upload_size(100000)
                     .max_fragment_size(50000)
                     .max_sessions(9)
                     .free_space_reserve(1)
                     .max_sessions_per_owner(9)
                     .session_timeout(1h)),
          server(bitsup::server_config()
                     .mount("/", engine)
                     .listen("127.0.0.1", 0)
                     .max_workers(4)
                     .max_connections(20)
                     .max_connections_per_address(19)
                     .max_head_bytes(8192)
                     .max_head_fields(50)
                     .min_body_rate(1, 9s)
                     .head_timeout(9s)
                     .read_timeout(9s)
                     .idle_timeout(9s)),
          client(bitsup::client_config()
                     .fragment_size(8192)
                     .retry(2, 1ms, 1ms)
                     .connect_timeout(9s)
                     .request_timeout(9s)
                     .response_timeout(9s)
                     .no_progress_timeout(9s)
                     .timeout(9s)
                     .user_agent("wrapper")
                     .add_header("X-Test", "1")
                     .rate_limit(0)
                     .proxy("")
                     .add_no_proxy("127.0.0.1")
                     .credentials(BITSUP_AUTH_TARGET_SERVER, BITSUP_AUTH_BASIC, "user", "password"))
    {
    }

    bitsup::job job(const std::string &name, bitsup::callbacks callbacks = {}) const
    {
        static const std::vector<std::uint8_t> data(5 * 8192, 'x');
        bitsup::job job(client, server.url() + name, bitsup::source::from_bytes(data.data(), data.size()));
        job.set_observer(bitsup::observer(std::move(callbacks)));
        return job;
    }
};

void versions_match_the_header()
{
    CHECK(bitsup::version_number() == BITSUP_VERSION_NUMBER);
    CHECK(bitsup::abi_version() == BITSUP_ABI_VERSION);
    CHECK(std::string(bitsup::version_string()).find('.') != std::string::npos);
}

void objects_move_and_do_not_copy(const fixture &fixture)
{
    static_assert(!std::is_copy_constructible_v<bitsup::job> && !std::is_copy_assignable_v<bitsup::job>);
    static_assert(std::is_nothrow_move_constructible_v<bitsup::job>);
    bitsup::job job = fixture.job("a"), other = fixture.job("b");
    job = std::move(other);
    job.run();
    CHECK(job.get() != nullptr && other.get() == nullptr && job.state() == BITSUP_JOB_CLOSED);
    FAILS(BITSUP_E_NULL_ARGUMENT, other.run());
}

void errors_contain_the_details(const fixture &fixture)
{
    bitsup::job job = fixture.job("no/such/folder");
    const bitsup::error refused = FAILS(BITSUP_E_SERVER_FAULT, job.run());
    CHECK(refused.http_status() == 404 && refused.hresult() == 0x80190194 && !refused.is_transient());
    CHECK(std::string(refused.status_name()) == "BITSUP_E_SERVER_FAULT");
    CHECK(std::string(refused.what()).find("404") != std::string::npos && refused.message() == refused.what());
    CHECK(refused.context() == 5);

    FAILS(BITSUP_E_NOT_FOUND, bitsup::source::from_file(fixture.root + "/missing"));
    FAILS(BITSUP_E_BUSY, bitsup::store::directory(fixture.root));
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::source::from_file(std::string("a\0b", 3)));
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::client_config().timeout(-1ms));
    FAILS(BITSUP_E_INVALID_STATE, bitsup::engine{bitsup::engine_config()});
    FAILS(BITSUP_E_SESSION_NOT_FOUND, fixture.engine.end_session("{nobody}"));
    FAILS(BITSUP_E_INVALID_STATE, fixture.job("c").session_id());
}

// A proxy for one request, which requires credentials: its URL and the socket to close.
struct authenticating_proxy {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    std::string url;
    std::thread thread;

    authenticating_proxy()
    {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto *const any = reinterpret_cast<sockaddr *>(&address);
        CHECK(bind(listener, any, sizeof address) == 0 && listen(listener, 8) == 0);
        CHECK(getsockname(listener, any, &size) == 0);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread = std::thread([this] {
            static const std::string response = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                                                "Proxy-Authenticate: Basic realm=\"out\"\r\n"
                                                "Content-Length: 0\r\nConnection: close\r\n\r\n";
            const int connection = accept(listener, nullptr, nullptr);
            std::string request;
            char byte = 0;
            while (request.find("\r\n\r\n") == std::string::npos && recv(connection, &byte, 1, 0) == 1)
                request += byte;
            CHECK(send(connection, response.data(), response.size(), MSG_NOSIGNAL) > 0);
            close(connection);
        });
    }

    ~authenticating_proxy()
    {
        thread.join();
        close(listener);
    }
};

void credentials_callback_may_return_none_or_throw()
{
    for (int mode = 0; mode < 3; mode++) {
        const authenticating_proxy proxy;
        int times = 0;
        const bitsup::client client(bitsup::client_config().proxy(proxy.url).on_credentials(
            [&](const bitsup::challenge &challenge) -> std::optional<bitsup::credentials> {
                times++;
                CHECK(challenge.target == BITSUP_AUTH_TARGET_PROXY && challenge.scheme == BITSUP_AUTH_BASIC);
                CHECK(challenge.realm == "out");
                if (mode == 0)
                    throw thrown{7};
                if (mode == 1)
                    return bitsup::credentials{std::string(100000, 'x'), "too long"};
                return std::nullopt;
            }));
        try {
            client.ping("http://upload.test/f");
            CHECK(false);
        } catch (const thrown &exception) {
            CHECK(mode == 0 && exception.number == 7);
        } catch (const bitsup::error &error) {
            CHECK(error.status() == (mode == 1 ? BITSUP_E_INVALID_ARGUMENT : BITSUP_E_HTTP_STATUS));
        }
        CHECK(times == 1);
    }
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::client(bitsup::client_config().add_root_certificates("none")));
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::client(bitsup::client_config().client_certificate("none")));
}

void callbacks_are_called(const fixture &fixture)
{
    std::uint64_t last = 0;
    std::vector<std::int32_t> states;
    bitsup::callbacks callbacks;
    callbacks.progress = [&](std::uint64_t sent, std::uint64_t total) {
        CHECK(sent >= last && sent <= total);
        last = sent;
        return bitsup::flow::proceed;
    };
    callbacks.state = [&](std::int32_t, std::int32_t to) { states.push_back(to); };
    bitsup::job job = fixture.job("d", callbacks);
    job.set_content_name("other");
    job.run();
    CHECK(last == 5 * 8192 && job.progress().sent == last && job.progress().total == last);
    CHECK(states.front() == BITSUP_JOB_CONNECTING && states.back() == BITSUP_JOB_CLOSED);
}

void callbacks_can_stop_a_run(const fixture &fixture)
{
    bitsup::callbacks callbacks;
    callbacks.progress = [](std::uint64_t, std::uint64_t) { return bitsup::flow::abort; };
    bitsup::job job = fixture.job("e", callbacks);
    FAILS(BITSUP_E_CALLBACK, job.run());
    CHECK(!job.session_id().empty() && fixture.engine.session_count() == 1);
    fixture.engine.end_session(job.session_id());
    CHECK(fixture.engine.session_count() == 0 && fixture.engine.tick().expired == 0);
}

// run() rethrows the exception itself, and no further callback is called.
void exceptions_of_callbacks_are_rethrown(const fixture &fixture)
{
    int calls = 0, caught = 0;
    bitsup::callbacks by_progress, by_state;
    by_progress.progress = [&](std::uint64_t, std::uint64_t) -> bitsup::flow { throw thrown{++calls}; };
    by_state.state = [&](std::int32_t, std::int32_t) { throw thrown{++calls}; };
    for (const auto &callbacks : {by_progress, by_state}) {
        bitsup::job job = fixture.job("f", callbacks);
        calls = 0;
        try {
            job.run();
        } catch (const thrown &exception) {
            caught += exception.number;
        }
        CHECK(calls == 1);
        job.set_observer(bitsup::observer({}));
        job.cancel();
    }
    CHECK(caught == 2);
}

void retry_callback_is_called_and_may_throw(const fixture &fixture)
{
    std::vector<std::uint32_t> attempts;
    bitsup::callbacks callbacks;
    callbacks.retry = [&](const bitsup::error &cause, std::uint32_t attempt, bitsup::milliseconds &delay) {
        CHECK(cause.status() == BITSUP_E_CONNECT && cause.is_transient() && delay <= 1ms);
        delay = 2ms;
        attempts.push_back(attempt);
        return bitsup::flow::proceed;
    };
    const auto nowhere = [&](bitsup::callbacks functions) {
        bitsup::job job(fixture.client, "http://127.0.0.1:1/x", bitsup::source::from_bytes(nullptr, 0));
        job.set_observer(bitsup::observer(std::move(functions)));
        job.run();
    };
    FAILS(BITSUP_E_CONNECT, nowhere(callbacks));
    CHECK(attempts.size() == 1 && attempts.front() == 1);
    callbacks.retry = [](const bitsup::error &cause, std::uint32_t, bitsup::milliseconds &) -> bitsup::flow {
        throw cause;
    };
    FAILS(BITSUP_E_CONNECT, nowhere(callbacks));
}

// A run inside a callback of another run: each rethrows its own exception.
void runs_nest(const fixture &fixture)
{
    int inner = 0, outer = 0;
    bitsup::callbacks throwing, nesting;
    throwing.progress = [](std::uint64_t, std::uint64_t) -> bitsup::flow { throw thrown{1}; };
    nesting.progress = [&](std::uint64_t, std::uint64_t) {
        if (inner != 0)
            throw thrown{2};
        try {
            fixture.job("g", throwing).run();
        } catch (const thrown &exception) {
            inner = exception.number;
        }
        return bitsup::flow::proceed;
    };
    try {
        fixture.job("h", nesting).run();
    } catch (const thrown &exception) {
        outer = exception.number;
    }
    CHECK(inner == 1 && outer == 2);
}

// Callbacks are destroyed with the last job that uses them, and not earlier.
void callbacks_live_as_long_as_their_job(const fixture &fixture)
{
    const auto shared = std::make_shared<int>(0);
    {
        bitsup::callbacks callbacks;
        callbacks.progress = [shared](std::uint64_t, std::uint64_t) {
            ++*shared;
            return bitsup::flow::proceed;
        };
        bitsup::job job = fixture.job("i", std::move(callbacks));
        CHECK(shared.use_count() == 2);
        job.run();
    }
    CHECK(shared.use_count() == 1 && *shared > 0);
}

void state_path_resumes(const fixture &fixture, const std::string &folder)
{
    const std::string path = folder + "/source", state = folder + "/state";
    std::ofstream(path) << std::string(20000, 'y');
    bitsup::job first(fixture.client, fixture.server.url() + "j", bitsup::source::from_file(path));
    first.set_state_path(state);
    first.suspend();
    FAILS(BITSUP_E_SUSPENDED, first.run());
    first.run();
    std::ifstream copy(fixture.root + "/j");
    CHECK(std::string(std::istreambuf_iterator<char>(copy), {}) == std::string(20000, 'y'));
}

void state_is_transferred_between_jobs(const fixture &fixture)
{
    bitsup::job first = fixture.job("k");
    FAILS(BITSUP_E_INVALID_STATE, first.close());
    CHECK(first.step() == BITSUP_JOB_CONNECTING && first.step() == BITSUP_JOB_TRANSFERRING);
    const std::vector<std::uint8_t> state = first.export_state();
    bitsup::job second = fixture.job("k"), other = fixture.job("l");
    second.import_state(state);
    CHECK(second.progress().sent == 8192 && second.session_id() == first.session_id());
    FAILS(BITSUP_E_INVALID_STATE, second.import_state(state));
    FAILS(BITSUP_E_INVALID_ARGUMENT, other.import_state(state));
    FAILS(BITSUP_E_INVALID_ARGUMENT, other.import_state({}));
    second.add_header("X-Job", "1");
    FAILS(BITSUP_E_INVALID_ARGUMENT, second.add_header("BITS-Session-Id", "1"));
    second.set_rate_limit(100000000);
    while (second.step() != BITSUP_JOB_TRANSFERRED) {
    }
    second.close();
    CHECK(second.state() == BITSUP_JOB_CLOSED);
    FAILS(BITSUP_E_INVALID_STATE, second.export_state());
}

// A function as source. run() rethrows its exception and can be called again.
void a_source_can_be_a_function(const fixture &fixture)
{
    int left = 1;
    const auto shared = std::make_shared<std::string>(20000, 'z');
    {
        const auto read = [&left, shared](std::uint64_t offset, std::uint8_t *buf, std::size_t cap) {
            if (offset > 10000 && left-- > 0)
                throw thrown{7};
            return shared->copy(reinterpret_cast<char *>(buf), cap < 3000 ? cap : 3000, offset);
        };
        bitsup::job job(fixture.client, fixture.server.url() + "m", bitsup::source::from_reader(read, 20000));
        CHECK(shared.use_count() == 3);
        int caught = 0;
        try {
            job.run();
        } catch (const thrown &exception) {
            caught = exception.number;
        }
        CHECK(caught == 7);
        job.run();
    }
    CHECK(shared.use_count() == 1);
    std::ifstream copy(fixture.root + "/m");
    CHECK(std::string(std::istreambuf_iterator<char>(copy), {}) == *shared);
}

// A function as logger. Its exceptions are ignored.
void messages_are_logged(const fixture &fixture)
{
    const auto messages = std::make_shared<std::vector<std::string>>();
    {
        const bitsup::logger logger(
            [messages](std::int32_t level, const std::string &target, const std::string &message) {
                CHECK(level >= BITSUP_LOG_ERROR && level <= BITSUP_LOG_DEBUG && target == "client");
                messages->push_back(message);
                throw thrown{1};
            },
            BITSUP_LOG_DEBUG);
        bitsup::engine_config().logger(logger);
        bitsup::server_config().logger(logger).access_logger(logger);
        bitsup::client client(bitsup::client_config().logger(logger));
        bitsup::job(client, fixture.server.url() + "n", bitsup::source::from_bytes(nullptr, 0)).run();
        CHECK(messages.use_count() == 2 && messages->size() > 3);
    }
    CHECK(messages.use_count() == 1);
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::logger([](auto...) {}, 6));
}

void server_with_tls_users_and_admin(const fixture &fixture)
{
    bitsup::server_config config;
    config.mount("/", fixture.engine).add_user("anna", "secret").admin("127.0.0.1", 0);
    bitsup::server server(config);
    CHECK(server.admin_url().rfind("http://127.0.0.1:", 0) == 0 && server.admin_url() != server.url());
    FAILS(BITSUP_E_INVALID_STATE, fixture.server.admin_url());
    FAILS(BITSUP_E_HTTP_STATUS, fixture.client.ping(server.url()));
    bitsup::client_config anna;
    bitsup::client(anna.add_header("Authorization", "Basic YW5uYTpzZWNyZXQ=")).ping(server.url());
    server.reload_users(bitsup::server_config().add_user("anna", "new"));
    FAILS(BITSUP_E_HTTP_STATUS, bitsup::client(anna).ping(server.url()));
    FAILS(BITSUP_E_INVALID_STATE, bitsup::server_config().client_ca("roots"));
    config.tls("certificates", "key").client_ca("roots");
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::server{config});
    FAILS(BITSUP_E_INVALID_STATE, server.reload_tls(config));
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    fixture fixture(argv[1]);
    versions_match_the_header();
    fixture.client.ping(fixture.server.url());
    CHECK(fixture.server.url().find(std::to_string(fixture.server.port())) != std::string::npos);
    objects_move_and_do_not_copy(fixture);
    errors_contain_the_details(fixture);
    credentials_callback_may_return_none_or_throw();
    callbacks_are_called(fixture);
    callbacks_can_stop_a_run(fixture);
    exceptions_of_callbacks_are_rethrown(fixture);
    retry_callback_is_called_and_may_throw(fixture);
    runs_nest(fixture);
    callbacks_live_as_long_as_their_job(fixture);
    state_path_resumes(fixture, argv[2]);
    state_is_transferred_between_jobs(fixture);
    a_source_can_be_a_function(fixture);
    messages_are_logged(fixture);
    server_with_tls_users_and_admin(fixture);
    fixture.server.stop(1s);
    FAILS(BITSUP_E_CONNECT, fixture.client.ping(fixture.server.url()));
}
