//! The C ABI: header, library, and programs in C, C++ and C#.

mod abi_check;
mod c_programs;
mod c_store;
mod cpp;
mod embed;
mod header;
mod manual;
mod panics;
