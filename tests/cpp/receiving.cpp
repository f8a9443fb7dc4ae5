// The server side of bitsup.hpp: hooks, stores, and how their exceptions are handled. Takes two empty folders.
#include "check.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;

const std::vector<std::uint8_t> data(20000, 'x');

bitsup::server serve(const bitsup::engine_config &config)
{
    return bitsup::server(bitsup::server_config().mount("/", bitsup::engine(config)));
}

// Uploads `data` as a.bin. Throws if the server rejects it.
void upload(const bitsup::server &server)
{
    const bitsup::client client(bitsup::client_config().fragment_size(8192).retry(2, 1ms, 1ms));
    bitsup::job job(client, server.url() + "a.bin", bitsup::source::from_bytes(data.data(), data.size()));
    job.set_content_name("name.txt");
    job.run();
}

bitsup::store memory()
{
    return bitsup::store::memory(1 << 20);
}

void hooks_see_and_decide(const std::string &root)
{
    int requests = 0, ended = -1;
    std::uint64_t held = 0;
    std::string taken;
    bitsup::application application;
    application.request = [&](const bitsup::upload &view, bitsup::verdict &verdict) {
        CHECK(view.target() == "/a.bin" && view.url().find("/a.bin") != std::string::npos && view.peer());
        CHECK(!view.owner() && !view.total() && view.header("host") && !view.header("No-Such-Field"));
        FAILS(BITSUP_E_INVALID_STATE, std::uint8_t byte = 0; view.read(0, &byte, 1));
        ++requests;
        verdict.owner("alice");
    };
    application.create = [](const bitsup::upload &view, bitsup::verdict &verdict) {
        CHECK(view.packet() == BITSUP_PACKET_CREATE && !view.session_id() && view.owner() == "alice");
        verdict.destination("b.bin");
    };
    application.progress = [&](const bitsup::upload &view) { held = view.received(); };
    application.received = [&](const bitsup::upload &view, bitsup::verdict &verdict) {
        CHECK(view.content_name() == "name.txt" && view.total() == data.size() && view.data_path());
        taken.resize(data.size() + 1);
        auto *const buffer = reinterpret_cast<std::uint8_t *>(&taken[0]);
        taken.resize(view.read(0, buffer, taken.size()));
        std::ofstream(*view.reply_path()) << "reply";
        verdict.reply_path(*view.reply_path());
        verdict.reply_url("http://127.0.0.1/reply");
        verdict.reply_text("reply");
        verdict.keep_file(true);
    };
    application.end = [&](const bitsup::upload &, std::int32_t reason) { ended = reason; };
    bitsup::server server = serve(bitsup::engine_config()
                                      .store(bitsup::store::directory(root))
                                      .hooks(bitsup::hooks(application))
                                      .public_url("http://host/")
                                      .method_override(true));
    upload(server);
    server.stop(1s);
    std::ifstream file(root + "/b.bin");
    CHECK(taken == std::string(data.size(), 'x') && held == data.size());
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == taken);
    CHECK(requests == 5 && ended == BITSUP_END_CLOSED);
}

// The job downloads the reply, and it can be downloaded from its URL until the session is closed.
void replies_are_downloaded_and_exceptions_end_the_run(const std::string &root)
{
    const auto content = [](const std::string &path) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    bitsup::application application;
    application.received = [](const bitsup::upload &, bitsup::verdict &verdict) { verdict.reply_text("seven b"); };
    bitsup::server server = serve(
        bitsup::engine_config().store(memory()).hooks(bitsup::hooks(application)).method_override(true));
    const bitsup::client client(bitsup::client_config().method_override(true).retry(2, 1ms, 1ms));
    bitsup::job job(client, server.url() + "a.bin", bitsup::source::from_bytes(data.data(), data.size()));
    const std::string reply = root + "/reply", again = root + "/again";
    job.set_reply_path(reply);
    FAILS(BITSUP_E_INVALID_STATE, job.reply_url());
    bool throws = true;
    std::uint64_t received = 0;
    bitsup::callbacks callbacks;
    callbacks.reply_progress = [&](std::uint64_t now, std::optional<std::uint64_t> total) {
        CHECK(!total || now <= *total);
        received = now;
        if (throws)
            throw 7;
        return bitsup::flow::proceed;
    };
    const bitsup::observer observer(callbacks);
    job.set_observer(observer);
    try {
        job.run();
        CHECK(!"ended");
    } catch (int thrown) {
        CHECK(thrown == 7);
    }
    throws = false;
    client.download(job.reply_url(), again);
    CHECK(content(again) == "seven b");
    client.download(job.reply_url(), again, observer);
    job.run();
    CHECK(content(reply) == "seven b" && received == 7);
    server.stop(1s);
    FAILS(BITSUP_E_CONNECT, client.download(server.url() + "gone", again));
}

void invalid_host_ids_are_rejected()
{
    bitsup::engine_config config;
    FAILS(BITSUP_E_INVALID_ARGUMENT, bitsup::engine(config.store(memory()).host_id("a/b")));
}

struct refusal {
    std::function<void(bitsup::verdict &)> decide;
    std::uint16_t http_status;
    std::uint32_t hresult;
};

void rejections_reach_the_client()
{
    const std::vector<refusal> refusals = {
        {[](bitsup::verdict &verdict) { verdict.reject(403); }, 403, 0x80190193},
        {[](bitsup::verdict &verdict) { verdict.reject(403, 0x80070005, BITSUP_CONTEXT_SERVER); }, 403, 0x80070005},
        {[](bitsup::verdict &verdict) { verdict.challenge("Basic realm=\"x\""); }, 401, 0},
        {[](bitsup::verdict &) { throw 7; }, 500, 0x801901F4},
        // An error of the library is handled like any other exception.
        {[](bitsup::verdict &verdict) { verdict.owner(std::string("a\0b", 3)); }, 500, 0x801901F4},
    };
    for (const refusal &refusal : refusals) {
        int failures = 0;
        bitsup::application application;
        application.request = [&](const bitsup::upload &, bitsup::verdict &verdict) { refusal.decide(verdict); };
        application.failed = [&](std::exception_ptr exception) {
            ++failures;
            std::rethrow_exception(exception); // is ignored
        };
        bitsup::server server = serve(bitsup::engine_config().store(memory()).hooks(bitsup::hooks(application)));
        try {
            upload(server);
            CHECK(!"refused");
        } catch (const bitsup::error &error) {
            CHECK(error.http_status() == refusal.http_status);
            CHECK(refusal.hresult == 0 || error.hresult() == refusal.hresult);
        }
        server.stop(1s);
        CHECK((failures > 0) == (refusal.http_status == 500));
    }
}

void notification_replaces_received()
{
    bitsup::hooks hooks{bitsup::application()};
    FAILS(BITSUP_E_INVALID_ARGUMENT, hooks.notify_url(7, "http://127.0.0.1:1/", 1s));
    bitsup::hooks without_roots{bitsup::application()};
    without_roots.add_notify_root_certificates("no PEM");
    FAILS(BITSUP_E_INVALID_ARGUMENT, without_roots.notify_url(BITSUP_NOTIFY_BY_VALUE, "https://127.0.0.1:1/", 1s));
    hooks.notify_url(BITSUP_NOTIFY_BY_VALUE, "http://127.0.0.1:1/", 1s);
    bitsup::server server = serve(bitsup::engine_config().store(memory()).hooks(hooks));
    const bitsup::error error = FAILS(BITSUP_E_SERVER_FAULT, upload(server));
    CHECK(error.http_status() == 503 && error.context() == BITSUP_CONTEXT_APPLICATION);
    server.stop(1s);
}

void hooks_are_destroyed_with_the_last_server()
{
    const auto shared = std::make_shared<int>(0);
    {
        bitsup::application application;
        application.progress = [shared](const bitsup::upload &) { ++*shared; };
        bitsup::server server =
            serve(bitsup::engine_config().store(memory()).hooks(bitsup::hooks(std::move(application))));
        CHECK(shared.use_count() == 2);
        upload(server);
        server.stop(1s);
    }
    CHECK(shared.use_count() == 1 && *shared == 3);
}

// The content of a custom store, which outlives the store objects that use it.
struct kept {
    std::mutex lock;
    std::map<std::string, std::string> records, files;
    std::map<std::pair<std::string, std::int32_t>, std::string> parts;
    std::int32_t failing = 0;
    int failures = 0;
};

class own : public bitsup::backend {
public:
    explicit own(std::shared_ptr<kept> content) : kept_(std::move(content)) {}

    void create(const std::string &id, std::string_view record) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        kept_->records[id] = record;
        kept_->parts[{id, BITSUP_PART_DATA}] = "";
    }
    void save(const std::string &id, std::string_view record) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        kept_->records[id] = record;
    }
    void list(bitsup::session_list &list) override
    {
        for (const auto &[id, record] : kept_->records)
            list.add(id, record);
    }
    std::optional<bitsup::part_info> stat(const std::string &id, std::int32_t part) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        const auto found = kept_->parts.find({id, part});
        if (found == kept_->parts.end())
            return std::nullopt;
        return bitsup::part_info{found->second.size(), 0ms};
    }
    void write(const std::string &id, std::int32_t part, std::uint64_t offset, const std::uint8_t *bytes,
               std::size_t len) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        if (kept_->failing == BITSUP_E_PANIC)
            throw 7;
        if (kept_->failing != 0)
            throw bitsup::error(kept_->failing);
        std::string &held = kept_->parts[{id, part}];
        CHECK(held.size() == offset);
        held.append(reinterpret_cast<const char *>(bytes), len);
    }
    std::size_t read(const std::string &id, std::int32_t part, std::uint64_t offset, std::uint8_t *buffer,
                     std::size_t len) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        const std::string &held = kept_->parts.at({id, part});
        return held.copy(reinterpret_cast<char *>(buffer), len, static_cast<std::size_t>(offset));
    }
    void commit(const std::string &id, const std::string &destination, bool overwrite, std::string_view record) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        if (kept_->files.count(destination) != 0 && !overwrite)
            throw bitsup::error(BITSUP_E_DENIED);
        kept_->files[destination] = std::move(kept_->parts.at({id, BITSUP_PART_DATA}));
        kept_->records[id] = record;
        kept_->parts.erase({id, BITSUP_PART_DATA});
    }
    void remove(const std::string &id, std::int32_t part) override
    {
        const std::lock_guard<std::mutex> guard(kept_->lock);
        for (const std::int32_t each : {BITSUP_PART_DATA, BITSUP_PART_REPLY})
            if (part == BITSUP_PART_ALL || part == each)
                kept_->parts.erase({id, each});
        if (part == BITSUP_PART_ALL)
            kept_->records.erase(id);
    }
    void failed(std::exception_ptr) noexcept override { ++kept_->failures; }

private:
    std::shared_ptr<kept> kept_;
};

void custom_store_accepts_and_rejects()
{
    const auto content = std::make_shared<kept>();
    for (const auto &[failing, status, hresult] : std::vector<std::tuple<std::int32_t, std::uint16_t, std::uint32_t>>{
             {0, 0, 0},
             {0, 403, 0x80070005}, // the file exists
             {BITSUP_E_NO_SPACE, 500, 0x80070070},
             {BITSUP_E_PANIC, 500, 0x801901F4},
         }) {
        content->failing = failing;
        if (failing != 0)
            content->files.clear();
        bitsup::server server =
            serve(bitsup::engine_config().store(bitsup::store::custom(std::make_unique<own>(content))));
        try {
            upload(server);
            CHECK(status == 0);
        } catch (const bitsup::error &error) {
            CHECK(error.http_status() == status && error.hresult() == hresult);
        }
        server.stop(1s);
    }
    CHECK(content.use_count() == 1 && content->failures > 0);
    FAILS(BITSUP_E_NULL_ARGUMENT, bitsup::store::custom(nullptr));
}

void sessions_of_a_custom_store_outlive_the_engine()
{
    const auto content = std::make_shared<kept>();
    const auto open = [&] {
        return bitsup::engine(
            bitsup::engine_config().store(bitsup::store::custom(std::make_unique<own>(content))));
    };
    content->failing = BITSUP_E_IO;
    bitsup::server server(bitsup::server_config().mount("/", open()));
    FAILS(BITSUP_E_SERVER_FAULT, upload(server));
    server.stop(1s);
    CHECK(content->records.size() == 1);
    const bitsup::engine again = open();
    CHECK(again.session_count() == 1);
    again.end_session(content->records.begin()->first);
    CHECK(again.session_count() == 0 && content->records.empty() && content->parts.empty());
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    hooks_see_and_decide(argv[1]);
    replies_are_downloaded_and_exceptions_end_the_run(argv[2]);
    invalid_host_ids_are_rejected();
    rejections_reach_the_client();
    notification_replaces_received();
    hooks_are_destroyed_with_the_last_server();
    custom_store_accepts_and_rejects();
    sessions_of_a_custom_store_outlive_the_engine();
}
