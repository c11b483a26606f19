//! Every public rule there is must be read, except those that say themselves that they need values first.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and report as tests do")]

use std::path::{Path, PathBuf};

use watchfire_sigma::{ClassKey, Document, Fields, LogSources, Problem, Rules, Severity, parse};

fn folder(below: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hunt").join(below);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}

fn rule_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rule_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            files.push(path);
        }
    }
}

fn read(folder: &Path) -> (usize, Vec<Document>, Vec<Problem>) {
    let mut files = Vec::new();
    rule_files(folder, &mut files);
    files.sort();
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for file in &files {
        let text = String::from_utf8(std::fs::read(file).unwrap()).unwrap();
        let (more, wrong) = parse(&file.display().to_string(), &text);
        documents.extend(more);
        problems.extend(wrong);
    }
    (files.len(), documents, problems)
}

fn refused(problems: &[Problem]) -> Vec<&Problem> {
    problems.iter().filter(|problem| problem.severity == Severity::Refused).collect()
}

#[test]
fn all_rules_of_sigmahq_parse() {
    let Some(folder) = folder("sigmahq-rules") else { return };
    let (files, documents, problems) = read(&folder.join("rules"));
    assert_eq!(refused(&problems), Vec::<&Problem>::new());
    assert_eq!(documents.len(), files, "one document a file");
    let (windows, _, _) = read(&folder.join("rules/windows"));
    assert_eq!(windows, 2_407);

    let (mut files, mut documents, mut expanding) = (0, 0, 0);
    for part in ["rules-emerging-threats", "rules-threat-hunting", "rules-compliance", "rules-placeholder"] {
        let (more, read, problems) = read(&folder.join(part));
        let refused = refused(&problems);
        for problem in &refused {
            assert!(problem.message.contains("placeholder"), "{problem}");
        }
        let mut places: Vec<_> = refused.iter().map(|problem| &problem.place.file).collect();
        places.dedup();
        expanding += places.len();
        files += more;
        documents += read.len();
    }
    println!("{files} other files, {expanding} of them with placeholders");
    assert_eq!(documents + expanding, files);
    assert_eq!(expanding, 25);
}

#[test]
fn the_documents_of_the_specification_parse() {
    let Some(folder) = folder("sigma-spec/tests") else { return };
    let (files, documents, problems) = read(&folder);
    assert_eq!(refused(&problems), Vec::<&Problem>::new());
    assert_eq!(documents.len(), files);
    let count = |kind: fn(&Document) -> bool| documents.iter().filter(|document| kind(document)).count();
    assert_eq!(count(|document| matches!(document, Document::Correlation(_))), 8);
    assert_eq!(count(|document| matches!(document, Document::Filter(_))), 2);
}

#[test]
fn our_own_mapping_serves_the_windows_rules() {
    let Some(folder) = folder("sigmahq-rules") else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../detections/logsources.yml");
    let (sources, problems) =
        LogSources::parse("logsources.yml", &String::from_utf8(std::fs::read(file).unwrap()).unwrap());
    assert_eq!(problems, []);
    let (_, documents, _) = read(&folder.join("rules/windows/process_creation"));
    let rules = documents.into_iter().filter_map(|document| match document {
        Document::Rule(rule) => Some(rule),
        _ => None,
    });
    let rules = Rules::new(rules.collect(), sources);
    assert_eq!(rules.unmapped().count(), 0);
    let sysmon = [("Channel", "Microsoft-Windows-Sysmon/Operational"), ("EventID", "1")];
    let class = ClassKey { class: "windows_event", constants: &sysmon, fields: Fields::Open };
    let matcher = rules.matcher(&class);
    assert!(matcher.len() > 1_000);
    let other = ClassKey {
        constants: &[("Channel", "Microsoft-Windows-Sysmon/Operational"), ("EventID", "5")],
        ..class
    };
    assert_eq!(rules.matcher(&other).len(), 0);
}
