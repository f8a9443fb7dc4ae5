/*
 * bitsup for C++17 and later: wraps the functions of bitsup.h in classes. Destructors free the objects, errors are
 * thrown as bitsup::error, and callbacks are std::function. For the behavior, errors and threads of a member
 * function, see the C function of the same name in bitsup.h. A const member function may be called from any thread,
 * concurrently, because its C function takes a const pointer.
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

/** Returns the version of the loaded library, for comparison with BITSUP_VERSION_NUMBER. */
inline std::uint32_t version_number() noexcept { return bitsup_version_number(); }
/** Returns the ABI version of the loaded library, for comparison with BITSUP_ABI_VERSION. */
inline std::uint32_t abi_version() noexcept { return bitsup_abi_version(); }
/** Returns the version of the loaded library as text. */
inline const char *version_string() noexcept { return bitsup_version_string(); }

} // namespace bitsup

#endif
