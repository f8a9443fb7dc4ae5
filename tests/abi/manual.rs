//! The tables of the documentation match the header.

const HEADER: &str = include_str!("../../include/bitsup.h");
const ERRORS: &str = include_str!("../../docs/reference/errors.md");
const ABI: &str = include_str!("../../docs/reference/abi.md");

/// Number, name and meaning of every status, in the order of the header.
fn statuses() -> Vec<[String; 3]> {
    let mut comment = Vec::new();
    let mut statuses = Vec::new();
    for line in HEADER.lines().map(str::trim) {
        match line.strip_prefix("#define ").and_then(|rest| rest.split_once(' ')) {
            Some((name, number)) if name == "BITSUP_OK" || name.starts_with("BITSUP_E_") => {
                statuses.push([number.to_owned(), name.to_owned(), comment.join(" ")]);
            }
            _ if line == "/**" => comment.clear(),
            _ if line.starts_with("* ") => comment.push(line[2..].trim()),
            _ => {}
        }
    }
    statuses
}

/// The rows of the table whose header row begins with `heading`.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = document.lines().skip_while(|line| !line.starts_with(heading)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_status_is_listed_with_its_number_and_meaning() {
    let rows = table(ERRORS, "| Number | Name |");
    let listed: Vec<_> =
        rows.iter().map(|row| [row[0].clone(), row[1].replace('`', ""), row[2].clone()]).collect();
    assert!(!listed.is_empty());
    assert_eq!(listed, statuses());
}

#[test]
fn every_status_has_a_retry_recommendation() {
    for row in table(ERRORS, "| Number | Name |") {
        let [number, _, _, retry] = &row[..] else { panic!("{row:?}") };
        // Only errors of the network and of the server can be transient.
        let may_be_transient = ["3", "4"].contains(&&number[..1]);
        assert!(retry == "no" || may_be_transient && ["yes", "ask"].contains(&retry.as_str()), "{row:?}");
    }
}

#[test]
fn every_class_of_statuses_has_advice() {
    for [number, name, _] in statuses().iter().filter(|[number, ..]| number != "0") {
        let class = format!("\n**{}xx, ", &number[..1]);
        assert!(ERRORS.contains(&class) || ERRORS.contains(&format!("\n**{number}.**")), "{name}");
    }
}

#[test]
fn the_documented_abi_versions_match_the_header() {
    let rows = table(ABI, "| What | Now |");
    let current = |what: &str| rows.iter().find(|row| row[0].starts_with(what)).unwrap()[1].replace('`', "");
    let abi = HEADER.lines().find_map(|line| line.strip_prefix("#define BITSUP_ABI_VERSION ")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(current("`BITSUP_VERSION_*`"), version);
    assert_eq!(current("`BITSUP_ABI_VERSION`"), abi);
    assert_eq!(current("SONAME"), format!("libbitsup.so.{abi}"));
    assert_eq!(current("file"), format!("libbitsup.so.{version}"));
    assert_eq!(current("Debian package"), format!("libbitsup{abi}"));
}
