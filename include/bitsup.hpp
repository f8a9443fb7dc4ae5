/*
 * bitsup for C++17 and later: the functions of bitsup.h as classes. An object is freed by its destructor, a
 * failure is thrown as bitsup::error, callbacks are std::function. Nothing else is added: what a member does,
 * which errors it has and from which threads it may be called stands in bitsup.h, at the function of the same
 * name. A const member takes a const pointer there, so it may be called from any thread, concurrently.
 *
 * An object that was moved from can only be assigned to and destroyed.
 */
#ifndef BITSUP_HPP
#define BITSUP_HPP

#include <bitsup/call.hpp>
#include <bitsup/client.hpp>
#include <bitsup/exchange.hpp>
#include <bitsup/hooks.hpp>
#include <bitsup/logger.hpp>
#include <bitsup/server.hpp>
#include <bitsup/store.hpp>

namespace bitsup {

/** The version of the library in use, to be compared with BITSUP_VERSION_NUMBER. */
inline std::uint32_t version_number() noexcept { return bitsup_version_number(); }
/** The ABI of the library in use, to be compared with BITSUP_ABI_VERSION. */
inline std::uint32_t abi_version() noexcept { return bitsup_abi_version(); }
/** The version of the library in use as text. */
inline const char *version_string() noexcept { return bitsup_version_string(); }

} // namespace bitsup

#endif
