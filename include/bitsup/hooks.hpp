/* Hooks: the callbacks of an engine into the application. Part of bitsup.hpp. */
#ifndef BITSUP_HOOKS_HPP
#define BITSUP_HOOKS_HPP

#include <bitsup/call.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

namespace bitsup {

/** An upload, as passed to a hook. Valid until the hook returns; strings are copies. */
class upload {
public:
    explicit upload(const bitsup_upload *view) : view_(view) {}

    /** Returns one of BITSUP_PACKET_*. */
    std::int32_t packet() const noexcept { return bitsup_upload_packet(view_); }
    std::optional<std::string> session_id() const { return optional_text(bitsup_upload_session_id(view_)); }
    std::string target() const { return optional_text(bitsup_upload_target(view_)).value_or(""); }
    std::string url() const { return optional_text(bitsup_upload_url(view_)).value_or(""); }
    std::optional<std::string> peer() const { return optional_text(bitsup_upload_peer(view_)); }
    std::optional<std::string> owner() const { return optional_text(bitsup_upload_owner(view_)); }
    std::optional<std::string> content_name() const { return optional_text(bitsup_upload_content_name(view_)); }
    std::optional<std::string> data_path() const { return optional_text(bitsup_upload_data_path(view_)); }
    std::optional<std::string> reply_path() const { return optional_text(bitsup_upload_reply_path(view_)); }
    std::optional<std::string> header(const std::string &name) const
    {
        return optional_text(bitsup_upload_header(view_, detail::text(name)));
    }
    std::uint64_t received() const noexcept { return bitsup_upload_received(view_); }
    /** Returns the length of the file; empty while unknown. */
    std::optional<std::uint64_t> total() const noexcept
    {
        const std::uint64_t total = bitsup_upload_total(view_);
        return total == UINT64_MAX ? std::nullopt : std::optional(total);
    }
    /** Reads received bytes and returns their number; 0 only at the end. Only in `received`. */
    std::size_t read(std::uint64_t offset, std::uint8_t *buffer, std::size_t len) const
    {
        return detail::output<std::size_t>(bitsup_upload_read, view_, offset, buffer, len);
    }

private:
    static std::optional<std::string> optional_text(const char *text)
    {
        return text ? std::optional<std::string>(text) : std::nullopt;
    }

    const bitsup_upload *view_;
};

/** The decision of a hook. Valid until the hook returns. By default it accepts the packet, keeps the file and sends no reply. */
class verdict {
public:
    explicit verdict(bitsup_verdict *raw) : raw_(raw) {}

    void reject(std::uint16_t http_status, std::uint32_t hresult = 0,
                std::uint32_t context = BITSUP_CONTEXT_APPLICATION)
    {
        detail::call(bitsup_verdict_reject, raw_, http_status, hresult, context);
    }
    void challenge(const std::string &challenge)
    {
        detail::call(bitsup_verdict_challenge, raw_, detail::text(challenge));
    }
    void owner(const std::string &owner) { detail::call(bitsup_verdict_set_owner, raw_, detail::text(owner)); }
    void destination(const std::string &path)
    {
        detail::call(bitsup_verdict_set_destination, raw_, detail::text(path));
    }
    void keep_file(bool keep) { detail::call(bitsup_verdict_set_keep_file, raw_, std::int32_t{keep}); }
    void reply_url(const std::string &url)
    {
        detail::call(bitsup_verdict_set_reply_url, raw_, detail::text(url));
    }
    void reply_path(const std::string &path)
    {
        detail::call(bitsup_verdict_set_reply_path, raw_, detail::text(path));
    }
    void reply_bytes(const std::uint8_t *data, std::size_t len)
    {
        detail::call(bitsup_verdict_set_reply_bytes, raw_, data, len);
    }
    void reply_text(const std::string &text)
    {
        reply_bytes(reinterpret_cast<const std::uint8_t *>(text.data()), text.size());
    }

private:
    bitsup_verdict *raw_;
};

/** The hooks of an engine, called on threads of the server. Each may be empty. If a hook with a verdict throws, the
 * client gets 500. */
struct application {
    /** Called for every packet and every request for a reply. */
    std::function<void(const upload &, verdict &)> request;
    /** Called for a new session. */
    std::function<void(const upload &, verdict &)> create;
    /** Called after bytes were stored. */
    std::function<void(const upload &)> progress;
    /** Called for a complete upload, while the client waits. */
    std::function<void(const upload &, verdict &)> received;
    /** Called after a session ended; `reason` is one of BITSUP_END_*. */
    std::function<void(const upload &, std::int32_t reason)> end;
    /** Called with the exception of another hook, on the same thread. Its own exceptions are ignored. */
    std::function<void(std::exception_ptr exception)> failed;
};

namespace detail {

/** Calls a hook and catches all exceptions. */
template <class Call> std::int32_t on_application(void *user_data, Call call) noexcept
{
    const auto &self = *static_cast<const application *>(user_data);
    try {
        call(self);
        return BITSUP_CONTINUE;
    } catch (...) {
        try {
            if (self.failed)
                self.failed(std::current_exception());
        } catch (...) { // there is nothing left to report it to
        }
        return BITSUP_ABORT;
    }
}

template <std::function<void(const upload &, verdict &)> application::*Decide>
std::int32_t on_decide(void *user_data, const bitsup_upload *view, bitsup_verdict *raw)
{
    return on_application(user_data, [=](const application &self) {
        verdict decision(raw);
        (self.*Decide)(upload(view), decision);
    });
}

inline void on_upload_progress(void *user_data, const bitsup_upload *view)
{
    on_application(user_data, [=](const application &self) { self.progress(upload(view)); });
}

inline void on_upload_end(void *user_data, const bitsup_upload *view, std::int32_t reason)
{
    on_application(user_data, [=](const application &self) { self.end(upload(view), reason); });
}

inline void destroy_application(void *user_data)
{
    delete static_cast<application *>(user_data);
}

} // namespace detail

/** The hooks, for engine_config::hooks. */
class hooks : public detail::handle<bitsup_hooks, bitsup_hooks_free> {
public:
    explicit hooks(application functions) : hooks(new application(std::move(functions))) {}

    /** Notifies an application over HTTP instead of calling `received`; `kind` is one of BITSUP_NOTIFY_*. */
    void notify_url(std::int32_t kind, const std::string &url, milliseconds timeout)
    {
        detail::call(bitsup_hooks_set_notify_url, get(), kind, detail::text(url), detail::count(timeout));
    }
    /** Trusts additional root certificates for an https URL. Call it before notify_url. */
    void add_notify_root_certificates(const std::string &pem)
    {
        detail::call(bitsup_hooks_add_notify_root_certificates, get(), detail::bytes(pem), pem.size());
    }

private:
    explicit hooks(application *functions) : handle(bitsup_hooks_new(functions, detail::destroy_application))
    {
        const application &self = *functions;
        if (self.request)
            detail::call(bitsup_hooks_on_request, get(), detail::on_decide<&application::request>);
        if (self.create)
            detail::call(bitsup_hooks_on_create, get(), detail::on_decide<&application::create>);
        if (self.progress)
            detail::call(bitsup_hooks_on_progress, get(), detail::on_upload_progress);
        if (self.received)
            detail::call(bitsup_hooks_on_received, get(), detail::on_decide<&application::received>);
        if (self.end)
            detail::call(bitsup_hooks_on_end, get(), detail::on_upload_end);
    }
};

} // namespace bitsup

#endif
