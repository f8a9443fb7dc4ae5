/* Calling C and throwing what it answers. Part of bitsup.hpp. */
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

/** Times are milliseconds in C; negative ones are refused with BITSUP_E_INVALID_ARGUMENT. */
using milliseconds = std::chrono::milliseconds;

/** What went wrong in one call; what() is the message. */
class error : public std::runtime_error {
public:
    /** An error of that status; without a cause its message is the general meaning of the status. */
    explicit error(bitsup_status status, const bitsup_error *cause = nullptr)
        : std::runtime_error(cause ? bitsup_error_message(cause) : bitsup_status_text(status)), status_(status),
          http_status_(bitsup_error_http_status(cause)), hresult_(bitsup_error_hresult(cause)),
          context_(bitsup_error_context(cause)), transient_(bitsup_error_is_transient(cause) != 0)
    {
    }

    /** One of BITSUP_E_*. */
    bitsup_status status() const noexcept { return status_; }
    /** Its name: "BITSUP_E_IO". */
    const char *status_name() const noexcept { return bitsup_status_name(status_); }
    /** The same text as what(). */
    const char *message() const noexcept { return what(); }
    /** The HTTP status of the peer's answer; 0 when no answer was the cause. */
    std::uint16_t http_status() const noexcept { return http_status_; }
    /** The HRESULT that the server sent, or that Windows would report; 0 when there is none. */
    std::uint32_t hresult() const noexcept { return hresult_; }
    /** Who failed on the other side: 5 the server, 7 the application behind it, 0 when it was not said. */
    std::uint32_t context() const noexcept { return context_; }
    /** Whether the same call is worth another try. */
    bool is_transient() const noexcept { return transient_; }

private:
    bitsup_status status_;
    std::uint16_t http_status_;
    std::uint32_t hresult_;
    std::uint32_t context_;
    bool transient_;
};

/** How the classes call C; not for use by programs. */
namespace detail {

template <auto Free> struct deleter {
    template <class T> void operator()(T *pointer) const noexcept { Free(pointer); }
};

/** Owns one object of the C library. */
template <class T, void (*Free)(T *)> class handle {
public:
    /** The object, for functions of bitsup.h; it still belongs to this. */
    T *get() const noexcept { return pointer_.get(); }

protected:
    /** Takes the object. NULL, which only a bug in the library yields, is thrown as BITSUP_E_PANIC. */
    explicit handle(T *pointer) : pointer_(pointer)
    {
        if (!pointer)
            throw error(BITSUP_E_PANIC);
    }

private:
    std::unique_ptr<T, deleter<Free>> pointer_;
};

/** Calls a function that ends with an error parameter, and throws what it answers. */
template <class Function, class... Arguments> void call(Function function, Arguments... arguments)
{
    bitsup_error *raw = nullptr;
    const bitsup_status status = function(arguments..., &raw);
    const std::unique_ptr<bitsup_error, deleter<bitsup_error_free>> owned(raw);
    if (status != BITSUP_OK)
        throw error(status, raw);
}

/** Owns a configuration, whose setters can be chained. */
template <class Self, class T, void (*Free)(T *)> class settings : public handle<T, Free> {
protected:
    using handle<T, Free>::handle;

    template <class Function, class... Arguments> Self &set(Function function, Arguments... arguments)
    {
        call(function, this->get(), arguments...);
        return static_cast<Self &>(*this);
    }
};

/** Calls a function whose last parameter before the error is an output. */
template <class Output, class Function, class... Arguments>
Output output(Function function, Arguments... arguments)
{
    Output value{};
    call(function, arguments..., &value);
    return value;
}

/** Text that C can have as a whole. */
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

/** A time from C, where the largest means never. */
inline milliseconds time(std::uint64_t count)
{
    const auto most = static_cast<std::uint64_t>(milliseconds::max().count());
    return milliseconds(static_cast<milliseconds::rep>(count < most ? count : most));
}

/** Text that a function gave out. */
inline std::string owned_text(char *raw)
{
    const std::unique_ptr<char, deleter<bitsup_string_free>> owned(raw);
    return raw;
}

/** A call under way on this thread that may call back, and what a callback threw. No exception may pass the
 * C library, so it waits here. */
class frame {
public:
    frame() noexcept : outer_(innermost()) { innermost() = this; }
    ~frame() { innermost() = outer_; }
    frame(const frame &) = delete;
    frame &operator=(const frame &) = delete;

    /** Makes the call, and throws what a callback threw in place of the error that followed from it. */
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

    /** Runs a callback. After one that threw, none is run and all answer that the call is to stop. */
    template <class Callback> static std::int32_t guarded(Callback callback) noexcept
    {
        frame *const here = innermost();
        try {
            if (!here || !here->thrown_)
                return static_cast<std::int32_t>(callback());
        } catch (...) {
            if (here)
                here->thrown_ = std::current_exception();
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
