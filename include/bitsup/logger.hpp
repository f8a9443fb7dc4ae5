/* Hearing what the library does. Part of bitsup.hpp. */
#ifndef BITSUP_LOGGER_HPP
#define BITSUP_LOGGER_HPP

#include <bitsup/call.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace bitsup {

/** Hears a message of a level, one of BITSUP_LOG_*, from a part of the library; on any thread, several at a
 * time. What it throws is dropped, for nobody waits for it. */
using log_function =
    std::function<void(std::int32_t level, const std::string &target, const std::string &message)>;

namespace detail {

inline void on_message(void *user_data, std::int32_t level, const char *target, const char *message,
                       std::size_t message_len) noexcept
{
    try {
        (*static_cast<const log_function *>(user_data))(level, target, std::string(message, message_len));
    } catch (...) {
    }
}

inline void destroy_log(void *user_data)
{
    delete static_cast<log_function *>(user_data);
}

} // namespace detail

/** A receiver of messages. It lives until the last object that it was given to is gone. */
class logger : public detail::handle<bitsup_logger, bitsup_logger_free> {
public:
    /** `max_level` is one of BITSUP_LOG_*; any other is BITSUP_E_INVALID_ARGUMENT. */
    explicit logger(log_function log, std::int32_t max_level = BITSUP_LOG_INFO)
        : handle(made(bitsup_logger_new(detail::on_message, max_level, new log_function(std::move(log)),
                                        detail::destroy_log)))
    {
    }

private:
    static bitsup_logger *made(bitsup_logger *pointer)
    {
        return pointer ? pointer : throw error(BITSUP_E_INVALID_ARGUMENT);
    }
};

} // namespace bitsup

#endif
