/* The engine and the server. Part of bitsup.hpp. */
#ifndef BITSUP_SERVER_HPP
#define BITSUP_SERVER_HPP

#include <bitsup/call.hpp>
#include <bitsup/hooks.hpp>
#include <bitsup/logger.hpp>
#include <bitsup/store.hpp>

namespace bitsup {

/** The configuration of an engine. */
class engine_config
    : public detail::settings<engine_config, bitsup_engine_config, bitsup_engine_config_free> {
public:
    engine_config() : settings(bitsup_engine_config_new()) {}

    engine_config &store(const bitsup::store &store)
    {
        return set(bitsup_engine_config_set_store, store.get());
    }
    engine_config &logger(const bitsup::logger &logger)
    {
        return set(bitsup_engine_config_set_logger, logger.get());
    }
    engine_config &hooks(const bitsup::hooks &hooks) { return set(bitsup_engine_config_set_hooks, hooks.get()); }
    engine_config &max_upload_size(std::uint64_t bytes)
    {
        return set(bitsup_engine_config_set_max_upload_size, bytes);
    }
    engine_config &max_fragment_size(std::uint64_t bytes)
    {
        return set(bitsup_engine_config_set_max_fragment_size, bytes);
    }
    engine_config &max_sessions_per_owner(std::uint64_t count)
    {
        return set(bitsup_engine_config_set_max_sessions_per_owner, count);
    }
    engine_config &max_sessions(std::uint64_t count)
    {
        return set(bitsup_engine_config_set_max_sessions, count);
    }
    engine_config &free_space_reserve(std::uint64_t bytes)
    {
        return set(bitsup_engine_config_set_free_space_reserve, bytes);
    }
    engine_config &session_timeout(milliseconds timeout)
    {
        return set(bitsup_engine_config_set_session_timeout, detail::count(timeout));
    }
    engine_config &allow_overwrite(bool allowed)
    {
        return set(bitsup_engine_config_set_allow_overwrite, std::int32_t{allowed});
    }
    /** One of BITSUP_OVERLAP_*. */
    engine_config &overlap(std::int32_t overlap) { return set(bitsup_engine_config_set_overlap, overlap); }
    /** One of BITSUP_FINALIZE_*. */
    engine_config &finalize(std::int32_t finalize)
    {
        return set(bitsup_engine_config_set_finalize, finalize);
    }
    engine_config &public_url(const std::string &url)
    {
        return set(bitsup_engine_config_set_public_url, detail::text(url));
    }
    engine_config &host_id(const std::string &host, std::uint32_t fallback_seconds = 0)
    {
        return set(bitsup_engine_config_set_host_id, detail::text(host), fallback_seconds);
    }
    engine_config &method_override(bool enabled)
    {
        return set(bitsup_engine_config_set_method_override, std::int32_t{enabled});
    }
};

/** The result of engine::tick. */
struct tick_result {
    /** The number of expired sessions. */
    std::uint64_t expired;
    /** The time until the next tick is due; milliseconds::max() if never. */
    milliseconds next;
};

/** Receives the uploads of one virtual directory. */
class engine : public detail::handle<bitsup_engine, bitsup_engine_free> {
public:
    explicit engine(const engine_config &config)
        : handle(detail::output<bitsup_engine *>(bitsup_engine_new, config.get()))
    {
    }

    /** Returns whether a request is for this engine. */
    bool accepts(const std::string &method, const std::string &target) const noexcept
    {
        return bitsup_engine_accepts(get(), method.data(), method.size(), target.data(), target.size()) != 0;
    }
    tick_result tick() const
    {
        std::uint64_t expired = 0, next_ms = 0;
        detail::call(bitsup_engine_tick, get(), &expired, &next_ms);
        return {expired, detail::time(next_ms)};
    }
    std::uint64_t session_count() const
    {
        return detail::output<std::uint64_t>(bitsup_engine_session_count, get());
    }
    void end_session(const std::string &session_id) const
    {
        detail::call(bitsup_engine_end_session, get(), detail::text(session_id));
    }
};

/** The configuration of a server. */
class server_config
    : public detail::settings<server_config, bitsup_server_config, bitsup_server_config_free> {
public:
    server_config() : settings(bitsup_server_config_new()) {}

    server_config &listen(const std::string &host, std::uint16_t port)
    {
        return set(bitsup_server_config_set_listen, detail::text(host), port);
    }
    /** Sets the address of the admin page, which shows all sessions, files and owners to anyone who can reach it. */
    server_config &admin(const std::string &host, std::uint16_t port)
    {
        return set(bitsup_server_config_set_admin, detail::text(host), port);
    }
    server_config &mount(const std::string &prefix, const engine &engine)
    {
        return set(bitsup_server_config_mount, detail::text(prefix), engine.get());
    }
    server_config &logger(const bitsup::logger &logger)
    {
        return set(bitsup_server_config_set_logger, logger.get());
    }
    /** Logs every request and event as a line of JSON. */
    server_config &access_logger(const bitsup::logger &logger)
    {
        return set(bitsup_server_config_set_access_logger, logger.get());
    }
    /** Sets the certificate chain and the private key of the server, in PEM format. */
    server_config &tls(const std::string &certificates_pem, const std::string &key_pem)
    {
        return set(bitsup_server_config_set_tls, detail::bytes(certificates_pem), certificates_pem.size(),
                   detail::bytes(key_pem), key_pem.size());
    }
    /** Requires client certificates issued under these root certificates, in PEM format. Call it after tls. */
    server_config &client_ca(const std::string &roots_pem)
    {
        return set(bitsup_server_config_set_client_ca, detail::bytes(roots_pem), roots_pem.size());
    }
    server_config &add_user(const std::string &name, const std::string &password)
    {
        return set(bitsup_server_config_add_user, detail::text(name), detail::text(password));
    }
    server_config &max_workers(std::uint32_t count)
    {
        return set(bitsup_server_config_set_max_workers, count);
    }
    server_config &head_timeout(milliseconds timeout)
    {
        return set(bitsup_server_config_set_head_timeout, detail::count(timeout));
    }
    server_config &max_connections(std::uint32_t count)
    {
        return set(bitsup_server_config_set_max_connections, count);
    }
    /** 0 means no limit. */
    server_config &max_connections_per_address(std::uint32_t count)
    {
        return set(bitsup_server_config_set_max_connections_per_address, count);
    }
    server_config &max_head_bytes(std::uint32_t bytes)
    {
        return set(bitsup_server_config_set_max_head_bytes, bytes);
    }
    server_config &max_head_fields(std::uint32_t count)
    {
        return set(bitsup_server_config_set_max_head_fields, count);
    }
    /** 0 means no minimum. */
    server_config &min_body_rate(std::uint64_t bytes_per_second, milliseconds grace)
    {
        return set(bitsup_server_config_set_min_body_rate, bytes_per_second, detail::count(grace));
    }
    server_config &read_timeout(milliseconds timeout)
    {
        return set(bitsup_server_config_set_read_timeout, detail::count(timeout));
    }
    server_config &idle_timeout(milliseconds timeout)
    {
        return set(bitsup_server_config_set_idle_timeout, detail::count(timeout));
    }
};

/** A running server. The destructor stops it without waiting. */
class server : public detail::handle<bitsup_server, bitsup_server_free> {
public:
    explicit server(const server_config &config)
        : handle(detail::output<bitsup_server *>(bitsup_server_start, config.get()))
    {
    }

    std::string url() const
    {
        return detail::owned_text(detail::output<char *>(bitsup_server_url, get()));
    }
    /** Returns the URL of the admin page. Throws if the server has none. */
    std::string admin_url() const
    {
        return detail::owned_text(detail::output<char *>(bitsup_server_admin_url, get()));
    }
    std::uint16_t port() const noexcept { return bitsup_server_port(get()); }
    /** Returns the metrics in the Prometheus text format. */
    std::string metrics() const
    {
        return detail::owned_text(detail::output<char *>(bitsup_server_metrics, get()));
    }
    /** Replaces certificate, key and client CA with those of `config`, for new connections. */
    void reload_tls(const server_config &config) { detail::call(bitsup_server_reload_tls, get(), config.get()); }
    /** Replaces the users with those of `config`, from the next request on. */
    void reload_users(const server_config &config)
    {
        detail::call(bitsup_server_reload_users, get(), config.get());
    }
    void stop(milliseconds grace) { detail::call(bitsup_server_stop, get(), detail::count(grace)); }
};

} // namespace bitsup

#endif
