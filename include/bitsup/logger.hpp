/* Logging. Part of bitsup.hpp. */
#ifndef BITSUP_LOGGER_HPP
#define BITSUP_LOGGER_HPP

#include <bitsup/call.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace bitsup {

/** Receives a message with its level (one of BITSUP_LOG_*) and the part of the library it comes from. Called on any
 * thread, concurrently. Exceptions are ignored, because no caller could catch them. */
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

/** A receiver of log messages, which lives until the last object that uses it is freed. */
class logger : public detail::handle<bitsup_logger, bitsup_logger_free> {
public:
    /** Creates a logger. Throws BITSUP_E_INVALID_ARGUMENT if `max_level` is not one of BITSUP_LOG_*. */
    explicit logger(log_function log, std::int32_t max_level = BITSUP_LOG_INFO)
        : handle(checked(bitsup_logger_new(detail::on_message, max_level, new log_function(std::move(log)),
                                        detail::destroy_log)))
    {
    }

private:
    static bitsup_logger *checked(bitsup_logger *pointer)
    {
        return pointer ? pointer : throw error(BITSUP_E_INVALID_ARGUMENT);
    }
};

} // namespace bitsup

#endif
