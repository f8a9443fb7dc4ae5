/* The client. Part of bitsup.hpp. */
#ifndef BITSUP_CLIENT_HPP
#define BITSUP_CLIENT_HPP

#include <bitsup/call.hpp>
#include <bitsup/logger.hpp>

#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace bitsup {

/** The result of a callback. */
enum class flow : std::int32_t {
    /** Continue. */
    proceed = BITSUP_CONTINUE,
    /** Stop the call that invoked the callback, with BITSUP_E_CALLBACK. */
    abort = BITSUP_ABORT
};

/** The callbacks of an observer, called on the thread inside job::run, step, close or cancel, or client::download.
 * Each may be empty. An exception ends the run and is rethrown by the call. */
struct callbacks {
    /** `sent` of `total` bytes are acknowledged. */
    std::function<flow(std::uint64_t sent, std::uint64_t total)> progress;
    /** The job changed from one BITSUP_JOB_* state to another. */
    std::function<void(std::int32_t from, std::int32_t to)> state;
    /** A request failed and will be retried after `delay`, which may be changed. */
    std::function<flow(const error &cause, std::uint32_t attempt, milliseconds &delay)> retry;
    /** `received` bytes of the reply were received; `total` is empty while unknown. */
    std::function<flow(std::uint64_t received, std::optional<std::uint64_t> total)> reply_progress;
};

/** Reads bytes of a source from `offset` on into `buf`, at least one and at most `cap`, and returns their number.
 * Called on the thread inside job::run, step or close. An exception ends the run and is rethrown by the call. */
using read_function = std::function<std::size_t(std::uint64_t offset, std::uint8_t *buf, std::size_t cap)>;

/** A request for credentials. */
struct challenge {
    /** One of BITSUP_AUTH_TARGET_*. */
    std::int32_t target;
    /** BITSUP_AUTH_BASIC or BITSUP_AUTH_BEARER. */
    std::int32_t scheme;
    /** The realm of the server or proxy; may be empty. */
    std::string realm;
};

/** A user name and a secret. */
struct credentials {
    /** The user name; ignored for BITSUP_AUTH_BEARER. */
    std::string user;
    /** The password or the token. */
    std::string secret;
};

/** Returns credentials, or nothing if there are none. An exception ends the call that invoked the function and is
 * rethrown by that call. */
using credentials_source = std::function<std::optional<credentials>(const challenge &)>;

namespace detail {

inline std::int32_t on_read(void *user_data, std::uint64_t offset, std::uint8_t *buf, std::size_t cap,
                            std::size_t *out_len)
{
    return frame::guarded([&] {
        *out_len = (*static_cast<const read_function *>(user_data))(offset, buf, cap);
        return flow::proceed;
    });
}

inline void destroy_read(void *user_data)
{
    delete static_cast<read_function *>(user_data);
}

/** Copies text to a buffer of `capacity` bytes. Throws BITSUP_E_INVALID_ARGUMENT if it is too long. */
inline void write(const std::string &from, char *to, std::size_t capacity)
{
    if (from.size() >= capacity)
        throw error(BITSUP_E_INVALID_ARGUMENT);
    std::memcpy(to, text(from), from.size() + 1);
}

inline std::int32_t on_credentials(void *user_data, std::int32_t target, std::int32_t scheme, const char *realm,
                                   char *out_user, std::size_t user_cap, char *out_secret, std::size_t secret_cap)
{
    const auto &source = *static_cast<const credentials_source *>(user_data);
    return frame::guarded([&] {
        if (const std::optional<credentials> found = source(challenge{target, scheme, realm})) {
            write(found->user, out_user, user_cap);
            write(found->secret, out_secret, secret_cap);
        }
        return flow::proceed;
    });
}

inline void destroy_source(void *user_data)
{
    delete static_cast<credentials_source *>(user_data);
}

inline std::int32_t on_progress(void *user_data, std::uint64_t sent, std::uint64_t total)
{
    const auto &progress = static_cast<const callbacks *>(user_data)->progress;
    return frame::guarded([&] { return progress ? progress(sent, total) : flow::proceed; });
}

inline std::int32_t on_reply_progress(void *user_data, std::uint64_t received, std::uint64_t total)
{
    const auto &progress = static_cast<const callbacks *>(user_data)->reply_progress;
    return frame::guarded([&] {
        if (!progress)
            return flow::proceed;
        return progress(received, total == UINT64_MAX ? std::nullopt : std::optional(total));
    });
}

inline void on_state(void *user_data, std::int32_t from, std::int32_t to)
{
    const auto &state = static_cast<const callbacks *>(user_data)->state;
    frame::guarded([&] {
        if (state)
            state(from, to);
        return flow::proceed;
    });
}

inline std::int32_t on_retry(void *user_data, const bitsup_error *cause, std::uint32_t attempt,
                             std::uint64_t *delay_ms)
{
    const auto &retry = static_cast<const callbacks *>(user_data)->retry;
    return frame::guarded([&] {
        if (!retry)
            return flow::proceed;
        milliseconds delay = time(*delay_ms);
        const flow result = retry(error(bitsup_error_status(cause), cause), attempt, delay);
        *delay_ms = count(delay);
        return result;
    });
}

inline void destroy(void *user_data)
{
    delete static_cast<callbacks *>(user_data);
}

} // namespace detail

/** The configuration of a client. */
class client_config
    : public detail::settings<client_config, bitsup_client_config, bitsup_client_config_free> {
public:
    client_config() : settings(bitsup_client_config_new()) {}

    client_config &fragment_size(std::uint64_t bytes)
    {
        return set(bitsup_client_config_set_fragment_size, bytes);
    }
    client_config &connect_timeout(milliseconds timeout)
    {
        return set(bitsup_client_config_set_connect_timeout, detail::count(timeout));
    }
    client_config &request_timeout(milliseconds timeout)
    {
        return set(bitsup_client_config_set_request_timeout, detail::count(timeout));
    }
    client_config &response_timeout(milliseconds timeout)
    {
        return set(bitsup_client_config_set_response_timeout, detail::count(timeout));
    }
    client_config &retry(std::uint32_t max_attempts, milliseconds first_delay, milliseconds max_delay)
    {
        return set(bitsup_client_config_set_retry, max_attempts, detail::count(first_delay),
                   detail::count(max_delay));
    }
    client_config &no_progress_timeout(milliseconds timeout)
    {
        return set(bitsup_client_config_set_no_progress_timeout, detail::count(timeout));
    }
    client_config &timeout(milliseconds timeout)
    {
        return set(bitsup_client_config_set_timeout, detail::count(timeout));
    }
    client_config &user_agent(const std::string &text)
    {
        return set(bitsup_client_config_set_user_agent, detail::text(text));
    }
    client_config &add_header(const std::string &name, const std::string &value)
    {
        return set(bitsup_client_config_add_header, detail::text(name), detail::text(value));
    }
    client_config &logger(const bitsup::logger &logger)
    {
        return set(bitsup_client_config_set_logger, logger.get());
    }
    client_config &rate_limit(std::uint64_t bytes_per_second)
    {
        return set(bitsup_client_config_set_rate_limit, bytes_per_second);
    }
    client_config &method_override(bool enabled)
    {
        return set(bitsup_client_config_set_method_override, std::int32_t{enabled});
    }
    client_config &proxy(const std::string &url)
    {
        return set(bitsup_client_config_set_proxy, detail::text(url));
    }
    client_config &add_no_proxy(const std::string &host)
    {
        return set(bitsup_client_config_add_no_proxy, detail::text(host));
    }
    client_config &add_root_certificates(const std::string &pem)
    {
        return set(bitsup_client_config_add_root_certificates, detail::bytes(pem), pem.size());
    }
    client_config &client_certificate(const std::string &pem)
    {
        return set(bitsup_client_config_set_client_certificate, detail::bytes(pem), pem.size());
    }
    client_config &credentials(std::int32_t target, std::int32_t scheme, const std::string &user,
                               const std::string &secret)
    {
        return set(bitsup_client_config_set_credentials, target, scheme, detail::text(user), detail::text(secret));
    }
    client_config &on_credentials(credentials_source source)
    {
        return set(bitsup_client_config_on_credentials, detail::on_credentials,
                   static_cast<void *>(new credentials_source(std::move(source))), detail::destroy_source);
    }
};

/** An immutable set of callbacks, which live until the last job that uses them is freed. */
class observer : public detail::handle<bitsup_observer, bitsup_observer_free> {
public:
    explicit observer(callbacks functions)
        : handle(bitsup_observer_new(new callbacks(std::move(functions)), detail::destroy))
    {
        detail::call(bitsup_observer_on_progress, get(), detail::on_progress);
        detail::call(bitsup_observer_on_reply_progress, get(), detail::on_reply_progress);
        detail::call(bitsup_observer_on_state, get(), detail::on_state);
        detail::call(bitsup_observer_on_retry, get(), detail::on_retry);
    }
};

/** Creates jobs, which share its configuration. */
class client : public detail::handle<bitsup_client, bitsup_client_free> {
public:
    explicit client(const client_config &config = client_config())
        : handle(detail::output<bitsup_client *>(bitsup_client_new, config.get()))
    {
    }

    void ping(const std::string &url) const
    {
        detail::frame().call(bitsup_client_ping, get(), detail::text(url));
    }
    /** Downloads the reply at `url` to the file `path`. */
    void download(const std::string &url, const std::string &path) const
    {
        bitsup_observer *const none = nullptr;
        detail::frame().call(bitsup_client_download, get(), detail::text(url), detail::text(path), none);
    }
    /** Downloads the reply at `url` to the file `path`, and reports progress to `observer`. */
    void download(const std::string &url, const std::string &path, const observer &observer) const
    {
        detail::frame().call(bitsup_client_download, get(), detail::text(url), detail::text(path), observer.get());
    }
};

/** The source of one job. */
class source : public detail::handle<bitsup_source, bitsup_source_free> {
public:
    static source from_file(const std::string &path)
    {
        return source(detail::output<bitsup_source *>(bitsup_source_from_file, detail::text(path)));
    }
    static source from_bytes(const std::uint8_t *data, std::size_t len)
    {
        return source(detail::output<bitsup_source *>(bitsup_source_from_bytes, data, len));
    }
    static source from_reader(read_function read, std::uint64_t total)
    {
        void *const user_data = new read_function(std::move(read));
        return source(detail::output<bitsup_source *>(bitsup_source_from_reader, detail::on_read, total, user_data,
                                                      detail::destroy_read));
    }

private:
    using handle::handle;
};

/** Acknowledged bytes and the total. */
struct progress {
    std::uint64_t sent;
    std::uint64_t total;
};

/** One upload. */
class job : public detail::handle<bitsup_job, bitsup_job_free> {
public:
    /** Creates a job, which consumes the source. */
    job(const client &client, const std::string &url, source source)
        : handle(detail::output<bitsup_job *>(bitsup_job_new, client.get(), detail::text(url), source.get()))
    {
    }

    void set_content_name(const std::string &name)
    {
        detail::call(bitsup_job_set_content_name, get(), detail::text(name));
    }
    void add_header(const std::string &name, const std::string &value)
    {
        detail::call(bitsup_job_add_header, get(), detail::text(name), detail::text(value));
    }
    void set_observer(const observer &observer)
    {
        detail::call(bitsup_job_set_observer, get(), observer.get());
    }
    /** Requests a reply, which is written to the file `path`. */
    void set_reply_path(const std::string &path)
    {
        detail::call(bitsup_job_set_reply_path, get(), detail::text(path));
    }
    void set_state_path(const std::string &path)
    {
        detail::call(bitsup_job_set_state_path, get(), detail::text(path));
    }

    /** Returns the state, for import_state of a job with the same URL and source. */
    std::vector<std::uint8_t> export_state() const
    {
        std::uint8_t *raw = nullptr;
        std::size_t len = 0;
        detail::call(bitsup_job_export, get(), &raw, &len);
        const auto free = [len](std::uint8_t *data) { bitsup_bytes_free(data, len); };
        const std::unique_ptr<std::uint8_t, decltype(free)> owned(raw, free);
        return std::vector<std::uint8_t>(raw, raw + len);
    }
    void import_state(const std::vector<std::uint8_t> &state)
    {
        detail::call(bitsup_job_import, get(), state.data(), state.size());
    }

    void run() { detail::frame().call(bitsup_job_run, get()); }
    /** Returns one of BITSUP_JOB_*. */
    std::int32_t step()
    {
        std::int32_t state = 0;
        detail::frame().call(bitsup_job_step, get(), &state);
        return state;
    }
    void close() { detail::frame().call(bitsup_job_close, get()); }
    void set_rate_limit(std::uint64_t bytes_per_second) const
    {
        detail::call(bitsup_job_set_rate_limit, get(), bytes_per_second);
    }
    void suspend() const { detail::call(bitsup_job_suspend, get()); }
    void cancel() const { detail::frame().call(bitsup_job_cancel, get()); }

    std::int32_t state() const noexcept { return bitsup_job_state(get()); }
    bitsup::progress progress() const
    {
        bitsup::progress now{};
        detail::call(bitsup_job_progress, get(), &now.sent, &now.total);
        return now;
    }
    std::string session_id() const
    {
        return detail::owned_text(detail::output<char *>(bitsup_job_session_id, get()));
    }
    /** Returns the absolute URL of the reply. */
    std::string reply_url() const
    {
        return detail::owned_text(detail::output<char *>(bitsup_job_reply_url, get()));
    }
};

} // namespace bitsup

#endif
