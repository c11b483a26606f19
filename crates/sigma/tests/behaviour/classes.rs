//! Log sources, aliases, constants, closed classes.

use watchfire_sigma::{ClassKey, Fields, LogSources, Rule, Rules};

use crate::support::{Fake, hits, rule};

fn sources(text: &str) -> LogSources {
    let (sources, problems) = LogSources::parse("s", text);
    assert_eq!(problems, []);
    sources
}

fn on(logsource: &str, detection: &str) -> Rule {
    rule(&format!("title: t\nlogsource: {{ {logsource} }}\ndetection: {detection}\n"))
}

fn open(class: &str) -> ClassKey<'_> {
    ClassKey { class, constants: &[], fields: Fields::Open }
}

const EVENTS: &str = "
classes:
  - class: event
    when: { Channel: Sysmon, EventID: 1 }
    logsources: [{ product: windows, category: process_creation }]
  - class: event
    when: { Channel: Security, EventID: 4688 }
    logsources:
      - product: windows
        category: process_creation
        aliases: { Image: NewProcessName, ParentProcessId: ProcessId, ProcessId: NewProcessId }
  - class: event
    when: { Channel: Security }
    logsources: [{ product: windows, service: security }]
  - class: event
    logsources: [{ product: windows }]
";

#[test]
fn an_entry_serves_what_it_states() {
    let rules = vec![
        on("product: windows", "{s: [x], condition: s}"),
        on("product: windows, service: security", "{s: [x], condition: s}"),
        on("product: windows, service: other", "{s: [x], condition: s}"),
        on("category: process_creation", "{s: [x], condition: s}"),
    ];
    let rules = Rules::new(rules, sources(EVENTS));
    assert_eq!(rules.unmapped().count(), 1);
    let security = ClassKey { constants: &[("Channel", "security"), ("EventID", "4624")], ..open("event") };
    assert_eq!(rules.matcher(&security).rules().collect::<Vec<_>>(), [0, 1]);
    let sysmon = ClassKey { constants: &[("Channel", "Sysmon"), ("EventID", "1")], ..open("event") };
    assert_eq!(rules.matcher(&sysmon).rules().collect::<Vec<_>>(), [0, 3]);
    assert!(rules.matcher(&open("nothing")).is_empty());
}

#[test]
fn one_rule_by_several_entries_with_other_names() {
    let rule = on(
        "product: windows, category: process_creation",
        "{s: {Image|endswith: cmd.exe, ProcessId: 7}, condition: s}",
    );
    let rules = Rules::new(vec![rule], sources(EVENTS));
    let check = |record: &str, expected: bool| {
        assert_eq!(hits(&rules, &open("event"), &Fake::new(record)) == [0], expected, "{record}");
    };
    check("Channel=Sysmon; EventID=1; Image=cmd.exe; ProcessId=7", true);
    check("Channel=Sysmon; EventID=3; Image=cmd.exe; ProcessId=7", false);
    check("Channel=Security; EventID=4688; NewProcessName=cmd.exe; NewProcessId=7; ProcessId=1", true);
    check("Channel=Security; EventID=4688; NewProcessName=cmd.exe; NewProcessId=1; ProcessId=7", false);
    check("Channel=Security; EventID=4688; Image=cmd.exe; ProcessId=7", false);
    check("Image=cmd.exe; ProcessId=7", false);
}

#[test]
fn constants_decide_and_are_not_asked_for() {
    let rule =
        on("product: windows", "{s: {EventID: [1, 2], A: x}, f: {EventID|gt: 1}, condition: s and not f}");
    let rules = Rules::new(vec![rule], sources(EVENTS));
    let one = ClassKey { constants: &[("EventID", "1")], ..open("event") };
    let matcher = rules.matcher(&one);
    assert_eq!(matcher.wanted(), ["A"]);
    assert!(rules.matcher(&ClassKey { constants: &[("EventID", "2")], ..one }).is_empty());
    assert_eq!(hits(&rules, &one, &Fake::new("A=x")), [0]);
}

#[test]
fn a_closed_class_knows_what_is_absent() {
    let text = |s: &str| on("product: windows", &format!("{{s: {{{s}}}, condition: s}}"));
    let rules =
        vec![text("B: x"), text("B: null"), text("B|exists: false"), text("'A b': x"), text("B|fieldref: A")];
    let rules = Rules::new(rules, sources(EVENTS));
    let class = ClassKey { fields: Fields::Closed(&["A", "A b"]), ..open("event") };
    let matcher = rules.matcher(&class);
    assert_eq!(matcher.rules().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(matcher.wanted(), ["A b"]);
}

#[test]
fn aliases_give_the_records_own_names() {
    let mapping = "classes:\n  - class: iis\n    logsources:\n      - category: webserver\n        \
                   aliases: { cs-user-agent: cs(User-Agent) }\n";
    let rules = Rules::new(
        vec![on("category: webserver", "{s: {cs-user-agent|contains: evil}, condition: s}")],
        sources(mapping),
    );
    let class = ClassKey { fields: Fields::Closed(&["cs(User-Agent)"]), ..open("iis") };
    assert_eq!(rules.matcher(&class).wanted(), ["cs(User-Agent)"]);
    assert_eq!(hits(&rules, &class, &Fake::new("cs(User-Agent)=xEVILx")), [0]);
    assert!(rules.matcher(&ClassKey { fields: Fields::Closed(&["cs-user-agent"]), ..class }).is_empty());
}

#[test]
fn matchers_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<watchfire_sigma::Matcher>();
    shared::<watchfire_sigma::Prefilter>();
    shared::<Rules>();
}
