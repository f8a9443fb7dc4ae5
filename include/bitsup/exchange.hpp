/* Embedding: passes requests of another HTTP server to an engine. Part of bitsup.hpp. */
#ifndef BITSUP_EXCHANGE_HPP
#define BITSUP_EXCHANGE_HPP

#include <bitsup/server.hpp>

#include <cstddef>

namespace bitsup {

/** What an exchange expects next. */
enum class want : std::int32_t {
    /** Bytes of the body. */
    body = BITSUP_WANT_BODY,
    /** A call of exchange::finish. */
    finish = BITSUP_WANT_FINISH
};

/** The response to a request. */
class response : public detail::handle<bitsup_response, bitsup_response_free> {
public:
    std::uint16_t status() const noexcept { return bitsup_response_status(get()); }
    const char *reason() const noexcept { return bitsup_response_reason(get()); }
    std::size_t header_count() const noexcept { return bitsup_response_header_count(get()); }
    /** Returns a name that lives as long as the response; NULL if `index` is out of range. */
    const char *header_name(std::size_t index) const noexcept
    {
        return bitsup_response_header_name(get(), index);
    }
    const char *header_value(std::size_t index) const noexcept
    {
        return bitsup_response_header_value(get(), index);
    }
    std::uint64_t content_length() const noexcept { return bitsup_response_content_length(get()); }
    std::uint64_t body_length() const noexcept { return bitsup_response_body_length(get()); }
    bool must_close() const noexcept { return bitsup_response_must_close(get()) != 0; }
    /** Returns the number of bytes read; 0 at the end. */
    std::size_t read_body(std::uint8_t *buffer, std::size_t capacity)
    {
        return detail::output<std::size_t>(bitsup_response_read_body, get(), buffer, capacity);
    }

private:
    friend class exchange;
    using handle::handle;
};

/** The number of bytes read from a file descriptor, and what the exchange expects next. */
struct fd_body {
    std::uint64_t count;
    bitsup::want want;
};

/** One request. Destroying it before finish() means that the connection was lost. */
class exchange : public detail::handle<bitsup_exchange, bitsup_exchange_free> {
public:
    explicit exchange(const engine &engine)
        : handle(detail::output<bitsup_exchange *>(bitsup_exchange_new, engine.get()))
    {
    }

    exchange &set_request(const std::string &method, const std::string &target)
    {
        return set(bitsup_exchange_set_request, method.data(), method.size(), target.data(), target.size());
    }
    exchange &add_header(const std::string &name, const std::string &value)
    {
        return set(bitsup_exchange_add_header, name.data(), name.size(), value.data(), value.size());
    }
    exchange &set_peer(const std::string &peer)
    {
        return set(bitsup_exchange_set_peer, peer.data(), peer.size());
    }
    exchange &set_owner(const std::string &owner)
    {
        return set(bitsup_exchange_set_owner, owner.data(), owner.size());
    }
    exchange &set_mount(const std::string &prefix)
    {
        return set(bitsup_exchange_set_mount, prefix.data(), prefix.size());
    }
    exchange &set_secure(bool secure) { return set(bitsup_exchange_set_secure, std::int32_t{secure}); }

    bitsup::want begin() { return wanted(bitsup_exchange_begin); }
    bitsup::want body(const std::uint8_t *data, std::size_t len)
    {
        return wanted(bitsup_exchange_body, data, len);
    }
    fd_body body_from_fd(std::int32_t fd, std::uint64_t max_len)
    {
        std::uint64_t count = 0;
        std::int32_t want = 0;
        detail::call(bitsup_exchange_body_from_fd, get(), fd, max_len, &count, &want);
        return {count, bitsup::want{want}};
    }
    response finish() { return response(detail::output<bitsup_response *>(bitsup_exchange_finish, get())); }

private:
    template <class Function, class... Arguments> exchange &set(Function function, Arguments... arguments)
    {
        detail::call(function, get(), arguments...);
        return *this;
    }
    template <class Function, class... Arguments> bitsup::want wanted(Function function, Arguments... arguments)
    {
        return bitsup::want{detail::output<std::int32_t>(function, get(), arguments...)};
    }
};

} // namespace bitsup

#endif
