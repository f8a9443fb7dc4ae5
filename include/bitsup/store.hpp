/* Stores. Part of bitsup.hpp. */
#ifndef BITSUP_STORE_HPP
#define BITSUP_STORE_HPP

#include <bitsup/call.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace bitsup {

/** The length of a part of a session, and when it was last written, since 1970. */
struct part_info {
    std::uint64_t length;
    milliseconds modified;
};

/** Receives the sessions of a store in backend::list. */
class session_list {
public:
    explicit session_list(bitsup_store_list *list) : list_(list) {}

    void add(const std::string &session_id, std::string_view record, milliseconds modified = milliseconds(0))
    {
        detail::call(bitsup_store_list_add, list_, detail::text(session_id),
                     reinterpret_cast<const std::uint8_t *>(record.data()), record.size(),
                     detail::count(modified));
    }

private:
    bitsup_store_list *list_;
};

/** Base class of custom stores, for store::custom. See bitsup_store_ops for the contract of each function and for
 * the threads. A function that fails throws a bitsup::error with BITSUP_E_NOT_FOUND, BITSUP_E_DENIED or
 * BITSUP_E_NO_SPACE; any other exception means BITSUP_E_IO. `part` is one of BITSUP_PART_*. */
class backend {
public:
    virtual ~backend() = default;

    virtual void create(const std::string &session_id, std::string_view record) = 0;
    /** Must be overridden together with list. */
    virtual void save(const std::string &session_id, std::string_view record);
    virtual void list(session_list &list);
    /** Returns an empty optional if the part does not exist. */
    virtual std::optional<part_info> stat(const std::string &session_id, std::int32_t part) = 0;
    virtual void write(const std::string &session_id, std::int32_t part, std::uint64_t offset,
                       const std::uint8_t *data, std::size_t len) = 0;
    virtual void flush(const std::string &session_id, std::int32_t part);
    /** Returns the number of bytes written to the buffer. */
    virtual std::size_t read(const std::string &session_id, std::int32_t part, std::uint64_t offset,
                             std::uint8_t *buffer, std::size_t len) = 0;
    virtual void commit(const std::string &session_id, const std::string &destination, bool overwrite,
                        std::string_view record) = 0;
    virtual void remove(const std::string &session_id, std::int32_t part) = 0;
    /** Returns one of BITSUP_DESTINATION_*. */
    virtual std::int32_t destination_state(const std::string &destination);
    /** Called with the exception that another function threw, of which the library uses only the status. */
    virtual void failed(std::exception_ptr exception) noexcept;
};

inline void backend::save(const std::string &, std::string_view) {}
inline void backend::list(session_list &) {}
inline void backend::flush(const std::string &, std::int32_t) {}
inline std::int32_t backend::destination_state(const std::string &) { return BITSUP_DESTINATION_FREE; }
inline void backend::failed(std::exception_ptr) noexcept {}

namespace detail {

/** Calls the backend and catches all exceptions. */
template <class Call> bitsup_status on_backend(void *user_data, Call call) noexcept
{
    backend &self = *static_cast<backend *>(user_data);
    try {
        return call(self);
    } catch (const error &exception) {
        self.failed(std::current_exception());
        return exception.status();
    } catch (...) {
        self.failed(std::current_exception());
        return BITSUP_E_IO;
    }
}

inline std::string_view view(const std::uint8_t *record, std::size_t len)
{
    return {reinterpret_cast<const char *>(record), len};
}

inline bitsup_status store_create(void *user_data, const char *id, const std::uint8_t *record, std::size_t len)
{
    return on_backend(user_data, [=](backend &self) { return self.create(id, view(record, len)), BITSUP_OK; });
}

inline bitsup_status store_save(void *user_data, const char *id, const std::uint8_t *record, std::size_t len)
{
    return on_backend(user_data, [=](backend &self) { return self.save(id, view(record, len)), BITSUP_OK; });
}

inline bitsup_status store_list(void *user_data, bitsup_store_list *raw)
{
    return on_backend(user_data, [=](backend &self) {
        session_list list(raw);
        return self.list(list), BITSUP_OK;
    });
}

inline bitsup_status store_stat(void *user_data, const char *id, std::int32_t part, std::uint64_t *out_length,
                                std::uint64_t *out_modified_ms)
{
    return on_backend(user_data, [=](backend &self) -> bitsup_status {
        const std::optional<part_info> info = self.stat(id, part);
        if (!info)
            return BITSUP_E_NOT_FOUND;
        *out_modified_ms = count(info->modified);
        *out_length = info->length;
        return BITSUP_OK;
    });
}

inline bitsup_status store_write(void *user_data, const char *id, std::int32_t part, std::uint64_t offset,
                                 const std::uint8_t *data, std::size_t len)
{
    return on_backend(user_data,
                      [=](backend &self) { return self.write(id, part, offset, data, len), BITSUP_OK; });
}

inline bitsup_status store_flush(void *user_data, const char *id, std::int32_t part)
{
    return on_backend(user_data, [=](backend &self) { return self.flush(id, part), BITSUP_OK; });
}

inline bitsup_status store_read(void *user_data, const char *id, std::int32_t part, std::uint64_t offset,
                                std::uint8_t *buffer, std::size_t len, std::size_t *out_read)
{
    return on_backend(user_data, [=](backend &self) {
        *out_read = self.read(id, part, offset, buffer, len);
        return BITSUP_OK;
    });
}

inline bitsup_status store_commit(void *user_data, const char *id, const char *destination, std::int32_t overwrite,
                                  const std::uint8_t *record, std::size_t len)
{
    return on_backend(user_data, [=](backend &self) {
        return self.commit(id, destination, overwrite != 0, view(record, len)), BITSUP_OK;
    });
}

inline bitsup_status store_remove(void *user_data, const char *id, std::int32_t part)
{
    return on_backend(user_data, [=](backend &self) { return self.remove(id, part), BITSUP_OK; });
}

inline bitsup_status store_destination_state(void *user_data, const char *destination, std::int32_t *out_state)
{
    return on_backend(user_data, [=](backend &self) {
        *out_state = self.destination_state(destination);
        return BITSUP_OK;
    });
}

inline void destroy_backend(void *user_data)
{
    delete static_cast<backend *>(user_data);
}

/** The callbacks of a store. */
class store_ops : public handle<bitsup_store_ops, bitsup_store_ops_free> {
public:
    explicit store_ops(std::unique_ptr<backend> functions)
        : handle(bitsup_store_ops_new(functions.release(), destroy_backend))
    {
        call(bitsup_store_ops_on_create, get(), store_create);
        call(bitsup_store_ops_on_save, get(), store_save);
        call(bitsup_store_ops_on_list, get(), store_list);
        call(bitsup_store_ops_on_stat, get(), store_stat);
        call(bitsup_store_ops_on_write, get(), store_write);
        call(bitsup_store_ops_on_flush, get(), store_flush);
        call(bitsup_store_ops_on_read, get(), store_read);
        call(bitsup_store_ops_on_commit, get(), store_commit);
        call(bitsup_store_ops_on_remove, get(), store_remove);
        call(bitsup_store_ops_on_destination_state, get(), store_destination_state);
    }
};

} // namespace detail

/** Keeps what an engine receives. */
class store : public detail::handle<bitsup_store, bitsup_store_free> {
public:
    /** Opens a store in a directory. `durability` is one of BITSUP_DURABILITY_*. With `shared`, several processes may use
     * the directory. */
    static store directory(const std::string &root, std::int32_t durability = BITSUP_DURABILITY_FILE,
                           bool shared = false)
    {
        return store(
            detail::output<bitsup_store *>(bitsup_store_new_dir, detail::text(root), durability, shared ? 1 : 0));
    }
    static store memory(std::uint64_t max_bytes)
    {
        return store(detail::output<bitsup_store *>(bitsup_store_new_memory, max_bytes));
    }
    /** Creates a store from a backend, which lives until the last engine that uses the store is freed. */
    static store custom(std::unique_ptr<backend> functions)
    {
        if (!functions)
            throw error(BITSUP_E_NULL_ARGUMENT);
        const detail::store_ops ops(std::move(functions));
        return store(detail::output<bitsup_store *>(bitsup_store_new_custom, ops.get()));
    }

private:
    using handle::handle;
};

} // namespace bitsup

#endif
