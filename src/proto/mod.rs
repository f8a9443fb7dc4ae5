//! The packets of the protocol: names, header fields, ranges, session ids, faults. Pure functions without I/O
//! that client and server share.

pub mod ack;
pub mod byte_ranges;
pub mod fault;
pub mod headers;
pub mod hresult;
pub mod limits;
pub mod names;
pub mod packet;
pub mod range;
pub mod reply_url;
pub mod session_id;
pub mod target;
pub(crate) mod url;

pub use ack::Ack;
pub use byte_ranges::ByteRanges;
pub use fault::{Context, Fault};
pub use headers::Headers;
pub use hresult::HResult;
pub use packet::{Packet, PacketKind};
pub use range::FragmentRange;
pub use session_id::SessionId;
pub use target::Target;
