// Shared by the C++ tests: assertions that report their location.
#ifndef CHECK_HPP
#define CHECK_HPP
#include <bitsup.hpp>

#include <cstdlib>
#include <iostream>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::cerr << __FILE__ << ':' << __LINE__ << ": check failed: " #condition "\n"; \
            std::exit(1);                                                             \
        }                                                                             \
    } while (0)

// Asserts that the call throws a bitsup::error with the status, and returns the error.
#define FAILS(expected, call) fails(__LINE__, expected, [&] { call; })

template <class Call> bitsup::error fails(int line, bitsup_status expected, Call call)
{
    try {
        call();
    } catch (const bitsup::error &error) {
        if (error.status() == expected)
            return error;
        std::cerr << "line " << line << ": " << error.status_name() << ": " << error.what() << '\n';
        std::exit(1);
    }
    std::cerr << "line " << line << ": no exception was thrown\n";
    std::exit(1);
}

#endif
