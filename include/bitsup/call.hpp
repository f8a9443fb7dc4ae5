/* Calls of C functions, and errors as exceptions. Part of bitsup.hpp. */
#ifndef BITSUP_CALL_HPP
#define BITSUP_CALL_HPP

#include <bitsup.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace bitsup {

/** All times are in milliseconds. Negative ones cause BITSUP_E_INVALID_ARGUMENT. */
using milliseconds = std::chrono::milliseconds;

/** The error of a failed call; what() returns the message. */
class error : public std::runtime_error {
public:
    /** Creates an error with a status. Without a cause, the message is the description of the status. */
    explicit error(bitsup_status status, const bitsup_error *cause = nullptr)
        : std::runtime_error(cause ? bitsup_error_message(cause) : bitsup_status_text(status)), status_(status),
          http_status_(bitsup_error_http_status(cause)), hresult_(bitsup_error_hresult(cause)),
          context_(bitsup_error_context(cause)), transient_(bitsup_error_is_transient(cause) != 0)
    {
    }

    /** Returns one of BITSUP_E_*. */
    bitsup_status status() const noexcept { return status_; }
    /** Returns the name of the status, such as "BITSUP_E_IO". */
    const char *status_name() const noexcept { return bitsup_status_name(status_); }
    /** Returns the same text as what(). */
    const char *message() const noexcept { return what(); }
    /** Returns the HTTP status of the peer's response; 0 if no response caused the error. */
    std::uint16_t http_status() const noexcept { return http_status_; }
    /** Returns the HRESULT that the server sent, or that Windows would report; 0 if there is none. */
    std::uint32_t hresult() const noexcept { return hresult_; }
    /** Returns where the failure occurred: 5 in the server, 7 in the application behind it, 0 if unknown. */
    std::uint32_t context() const noexcept { return context_; }
    /** Returns whether the same call may succeed later. */
    bool is_transient() const noexcept { return transient_; }

private:
    bitsup_status status_;
    std::uint16_t http_status_;
    std::uint32_t hresult_;
    std::uint32_t context_;
    bool transient_;
};

/** Implementation details; not for use by programs. */
namespace detail {

template <auto Free> struct deleter {
    template <class T> void operator()(T *pointer) const noexcept { Free(pointer); }
};

/** Owns one object of the C library. */
template <class T, void (*Free)(T *)> class handle {
public:
    /** Returns the object for use with functions of bitsup.h. This object still owns it. */
    T *get() const noexcept { return pointer_.get(); }

protected:
    /** Takes ownership of the object. Throws BITSUP_E_PANIC for NULL, which indicates a bug in the library. */
    explicit handle(T *pointer) : pointer_(pointer)
    {
        if (!pointer)
            throw error(BITSUP_E_PANIC);
    }

private:
    std::unique_ptr<T, deleter<Free>> pointer_;
};

/** Calls a function whose last parameter is an error, and throws the error. */
template <class Function, class... Arguments> void call(Function function, Arguments... arguments)
{
    bitsup_error *raw = nullptr;
    const bitsup_status status = function(arguments..., &raw);
    const std::unique_ptr<bitsup_error, deleter<bitsup_error_free>> owned(raw);
    if (status != BITSUP_OK)
        throw error(status, raw);
}

/** Base of configurations, whose setters can be chained. */
template <class Self, class T, void (*Free)(T *)> class settings : public handle<T, Free> {
protected:
    using handle<T, Free>::handle;

    template <class Function, class... Arguments> Self &set(Function function, Arguments... arguments)
    {
        call(function, this->get(), arguments...);
        return static_cast<Self &>(*this);
    }
};

/** Calls a function whose last parameter before the error is an output, and returns the output. */
template <class Output, class Function, class... Arguments>
Output output(Function function, Arguments... arguments)
{
    Output value{};
    call(function, arguments..., &value);
    return value;
}

/** Returns a C string. Throws BITSUP_E_INVALID_ARGUMENT if the text contains NUL. */
inline const char *text(const std::string &text)
{
    if (text.find('\0') != std::string::npos)
        throw error(BITSUP_E_INVALID_ARGUMENT);
    return text.c_str();
}

inline const std::uint8_t *bytes(const std::string &text) noexcept
{
    return reinterpret_cast<const std::uint8_t *>(text.data());
}

inline std::uint64_t count(milliseconds time)
{
    if (time.count() < 0)
        throw error(BITSUP_E_INVALID_ARGUMENT);
    return static_cast<std::uint64_t>(time.count());
}

/** Converts a time from C; UINT64_MAX means never. */
inline milliseconds time(std::uint64_t count)
{
    const auto max = static_cast<std::uint64_t>(milliseconds::max().count());
    return milliseconds(static_cast<milliseconds::rep>(count < max ? count : max));
}

/** Copies a string that a function returned, and frees it. */
inline std::string owned_text(char *raw)
{
    const std::unique_ptr<char, deleter<bitsup_string_free>> owned(raw);
    return raw;
}

/** A running call on this thread that may call back, and the exception of a callback, which is stored here because
 * exceptions must not pass through the C library. */
class frame {
public:
    frame() noexcept : outer_(innermost()) { innermost() = this; }
    ~frame() { innermost() = outer_; }
    frame(const frame &) = delete;
    frame &operator=(const frame &) = delete;

    /** Makes the call. If a callback threw, rethrows its exception instead of the resulting error. */
    template <class Function, class... Arguments> void call(Function function, Arguments... arguments)
    {
        try {
            detail::call(function, arguments...);
        } catch (const error &) {
            if (!thrown_)
                throw;
        }
        if (thrown_)
            std::rethrow_exception(thrown_);
    }

    /** Runs a callback. After one has thrown, runs no more callbacks and returns BITSUP_ABORT. */
    template <class Callback> static std::int32_t guarded(Callback callback) noexcept
    {
        frame *const current = innermost();
        try {
            if (!current || !current->thrown_)
                return static_cast<std::int32_t>(callback());
        } catch (...) {
            if (current)
                current->thrown_ = std::current_exception();
        }
        return BITSUP_ABORT;
    }

private:
    static frame *&innermost() noexcept
    {
        static thread_local frame *frame = nullptr;
        return frame;
    }

    frame *outer_;
    std::exception_ptr thrown_;
};

} // namespace detail

} // namespace bitsup

#endif
