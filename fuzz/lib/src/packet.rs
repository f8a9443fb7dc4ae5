//! Header fields, one per line, parsed as a packet.

use bitsup::proto::packet::{self, SessionRef};
use bitsup::proto::{Headers, Packet, PacketKind, names};

pub fn run(data: &[u8]) {
    let headers = fields(data);
    let length = packet::content_length(&headers);
    if let Ok(Some(length)) = length {
        let text = headers.get(names::CONTENT_LENGTH).unwrap();
        assert_eq!(text.trim().parse(), Ok(length), "{text:?}");
        if let Ok(range) = packet::fragment_range(&headers, length) {
            assert_eq!(range.end() - range.first(), length, "{range:?}");
        }
    }
    let Ok(kind) = PacketKind::from_headers(&headers) else { return };
    let text = headers.get(names::PACKET_TYPE).unwrap();
    assert!(text.eq_ignore_ascii_case(kind.name()), "{text:?} is not {kind:?}");
    let Ok(packet) = Packet::parse(kind, &headers) else { return };
    if let Some(SessionRef::Id(id)) = packet.session() {
        let text = headers.get(names::SESSION_ID).unwrap().to_ascii_uppercase();
        let bare = id.to_string();
        assert!(text.contains(bare.trim_matches(['{', '}'])), "{text:?} is not {bare}");
    }
}

fn fields(data: &[u8]) -> Headers {
    let lines = data.split(|byte| *byte == b'\n');
    let halves = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((String::from_utf8_lossy(&line[..colon]).into_owned(), line[colon + 1..].to_vec()))
    });
    halves.collect()
}
