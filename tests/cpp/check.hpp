// What the C++ tests share: checks that say where they failed.
#ifndef CHECK_HPP
#define CHECK_HPP
#include <bitsup.hpp>

#include <cstdlib>
#include <iostream>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::cerr << __FILE__ << ':' << __LINE__ << ": not so: " #condition "\n"; \
            std::exit(1);                                                             \
        }                                                                             \
    } while (0)

// The call must throw a bitsup::error of that status, which is returned.
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
    std::cerr << "line " << line << ": does not throw\n";
    std::exit(1);
}

#endif
