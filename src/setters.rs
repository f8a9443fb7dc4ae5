//! Setters of configuration structs.

/// Gives a configuration struct one setter per field, under the field's name. Each takes and returns the struct, so that
/// calls can be chained. A field listed under `Some` is an `Option` whose setter takes the value itself.
macro_rules! setters {
    (
        $config:ident { $($field:ident: $value:ty),* $(,)? }
        $(Some { $($optional:ident: $inner:ty),* $(,)? })?
    ) => {
        impl $config {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, value: $value) -> Self {
                    self.$field = value.into();
                    self
                }
            )*
            $($(
                #[doc = concat!("Sets [`", stringify!($optional), "`](#structfield.", stringify!($optional), ").")]
                #[must_use]
                pub fn $optional(mut self, value: $inner) -> Self {
                    self.$optional = Some(value.into());
                    self
                }
            )*)?
        }
    };
}
