//! Promises about who may come in.

use watchfire_store::{AccountKey, NewAccount, Right, Role, Session, StoreError};

use crate::common::{Home, NOON};

fn account(home: &Home, name: &str) -> AccountKey {
    let new = NewAccount {
        name,
        role: Role::Analyst,
        organisation: "cert.example",
        attributes: "{\"communities\":[\"allies\"]}",
        password_hash: Some("$argon2id$…"),
    };
    home.store.write(|write| write.create_account(&new, NOON)).unwrap()
}

pub(crate) fn names_are_taken_once(home: &Home) {
    let key = account(home, "anna");
    let again = NewAccount {
        name: "anna",
        role: Role::Administrator,
        organisation: "",
        attributes: "",
        password_hash: None,
    };
    let taken = home.store.write(|write| write.create_account(&again, NOON));
    assert!(matches!(taken, Err(StoreError::Constraint { .. })), "{taken:?}");
    home.store.write(|write| write.set_role(key, Role::Releaser)).unwrap();
    home.store.write(|write| write.count_failure(key, NOON + 5)).unwrap();
    assert_eq!(home.store.write(|write| write.count_failure(key, NOON + 9)).unwrap(), 2);
    let found = home.store.read(|read| read.account("anna")).unwrap().unwrap();
    assert_eq!(
        (found.key, found.role, found.failures, found.locked_until_us),
        (key, Role::Releaser, 2, NOON + 9)
    );
    assert_eq!(found.attributes, "{\"communities\":[\"allies\"]}");
    home.store.write(|write| write.forget_failures(key)).unwrap();
    assert_eq!(home.store.read(|read| read.account("anna")).unwrap().unwrap().failures, 0);
    assert_eq!(home.store.read(|read| read.account("Anna")).unwrap(), None);
    assert_eq!(home.store.read(|read| read.account("an\0na")).unwrap(), None);
}

pub(crate) fn tokens_end(home: &Home) {
    let (anna, ben) = (account(home, "anna"), account(home, "ben"));
    let token = home
        .store
        .write(|write| write.create_token(anna, b"hash", "firewall", "read", (NOON, NOON + 100)))
        .unwrap();
    let good = |now: i64| home.store.read(|read| read.token(b"hash", now)).unwrap().is_some();
    assert!(good(NOON + 99));
    assert!(!good(NOON + 100));
    assert!(home.store.read(|read| read.token(b"other", NOON)).unwrap().is_none());
    let stranger = home.store.write(|write| write.revoke_token(ben, token, NOON));
    assert!(matches!(stranger, Err(StoreError::Missing { .. })));
    home.store.write(|write| write.set_disabled(anna, true)).unwrap();
    assert!(!good(NOON));
    home.store.write(|write| write.set_disabled(anna, false)).unwrap();
    assert!(good(NOON));
    home.store.write(|write| write.revoke_token(anna, token, NOON + 7)).unwrap();
    home.store.write(|write| write.revoke_token(anna, token, NOON + 8)).unwrap();
    assert!(!good(NOON));
    let tokens = home.store.read(|read| read.tokens(anna)).unwrap();
    assert_eq!((tokens.len(), tokens[0].revoked_us), (1, Some(NOON + 7)));
}

pub(crate) fn certificates_stand_for_accounts(home: &Home) {
    let (anna, ben) = (account(home, "anna"), account(home, "ben"));
    let whose =
        || home.store.read(|read| read.account_by_certificate(&[7; 32])).unwrap().map(|found| found.key);
    home.store.write(|write| write.map_certificate(&[7; 32], "CN=anna", anna, NOON)).unwrap();
    assert_eq!(whose(), Some(anna));
    home.store.write(|write| write.map_certificate(&[7; 32], "CN=ben", ben, NOON)).unwrap();
    assert_eq!(whose(), Some(ben));
    home.store.write(|write| write.set_disabled(ben, true)).unwrap();
    assert_eq!(whose(), None);
    assert!(home.store.write(|write| write.unmap_certificate(&[7; 32])).unwrap());
    assert!(!home.store.write(|write| write.unmap_certificate(&[7; 32])).unwrap());
}

pub(crate) fn sessions_end(home: &Home) {
    let (anna, ben) = (account(home, "anna"), account(home, "ben"));
    let good = |hash: &[u8], now: i64| home.store.read(|read| read.session(hash, now)).unwrap().is_some();
    let begin = |key, hash: &[u8]| {
        let session = Session {
            hash: hash.to_owned(),
            created_us: NOON,
            seen_us: NOON,
            expires_us: NOON + 100,
            origin: "192.0.2.7".to_owned(),
            means: "password".to_owned(),
        };
        home.store.write(|write| write.create_session(key, &session)).unwrap();
        session
    };
    let (one, _, other) = (begin(anna, b"one"), begin(anna, b"two"), begin(ben, b"other"));
    assert!(good(b"one", NOON + 99) && !good(b"one", NOON + 100));
    home.store.write(|write| write.touch_session(b"one", NOON + 50, NOON + 150)).unwrap();
    assert!(good(b"one", NOON + 149) && !good(b"two", NOON + 149));
    let of = |key, now: i64| home.store.read(|read| read.sessions(key, now)).unwrap();
    let hashes: Vec<Vec<u8>> = of(anna, NOON + 60).into_iter().map(|session| session.hash).collect();
    assert_eq!(hashes, [b"one", b"two"], "the one used last is the first");
    assert_eq!(of(anna, NOON + 120), [Session { seen_us: NOON + 50, expires_us: NOON + 150, ..one }]);
    assert_eq!(of(ben, NOON), [other]);
    assert_eq!(home.store.write(|write| write.expire_sessions(NOON + 100)).unwrap(), 2);

    begin(ben, b"other");
    assert!(!home.store.write(|write| write.end_session(anna, b"other")).unwrap(), "it is not anna's to end");
    assert!(good(b"other", NOON));
    assert!(home.store.write(|write| write.end_session(ben, b"other")).unwrap());
    assert!(!good(b"other", NOON));
    home.store.write(|write| write.set_password_hash(anna, Some("another"))).unwrap();
    assert!(!good(b"one", NOON), "another password ends what was signed in with the old one");
    begin(anna, b"three");
    home.store.write(|write| write.set_totp_secret(anna, Some(b"sealed"))).unwrap();
    assert!(!good(b"three", NOON), "and so does a code that is asked for from now on");
    begin(anna, b"four");
    home.store.write(|write| write.set_disabled(anna, true)).unwrap();
    home.store.write(|write| write.set_disabled(anna, false)).unwrap();
    assert!(!good(b"four", NOON), "an account that was shut and is open again has no sessions");
}

pub(crate) fn a_one_time_code_is_used_once(home: &Home) {
    let anna = account(home, "anna");
    home.store.write(|write| write.set_totp_secret(anna, Some(b"sealed"))).unwrap();
    let used = |step: i64| home.store.write(|write| write.use_totp_step(anna, step)).unwrap();
    assert!(used(1_000) && !used(1_000) && !used(999) && used(1_001));
    let found = home.store.read(|read| read.account("anna")).unwrap().unwrap();
    assert_eq!((found.totp_secret.as_deref(), found.totp_step), (Some(&b"sealed"[..]), 1_001));
}

pub(crate) fn rights_are_kept(home: &Home) {
    let anna = account(home, "anna");
    let (one, two) = (home.collection("1"), home.collection("2"));
    let right = |collection, can_read, can_write| Right { collection, can_read, can_write };
    home.store
        .write(|write| {
            write.grant(anna, right(one, true, false))?;
            write.grant(anna, right(two, true, true))?;
            write.grant(anna, right(one, true, true))
        })
        .unwrap();
    let rights = home.store.read(|read| read.rights(anna)).unwrap();
    assert_eq!(rights, [right(one, true, true), right(two, true, true)]);
}

pub(crate) fn a_word_is_spent_once(home: &Home) {
    let other = home.open_again();
    let spend = |store: &watchfire_store::Store, word: &str, until_us: i64, now_us: i64| {
        store.write(|write| write.spend(word, until_us, now_us)).unwrap()
    };
    assert!(spend(&home.store, "a", NOON + 10, NOON));
    assert!(!spend(&home.store, "a", NOON + 10, NOON));
    assert!(!spend(&other, "a", NOON + 10, NOON + 9), "nor at another node");
    assert!(spend(&other, "b", NOON + 20, NOON + 9));
    assert!(spend(&home.store, "a", NOON + 30, NOON + 10), "what could not be used any more is forgotten");
    assert!(!spend(&home.store, "b", NOON + 20, NOON + 10));
    // Of many who bring the same word at the same moment one comes in.
    let came = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for at in 0..8 {
            let (store, came) = (if at % 2 == 0 { &home.store } else { &other }, &came);
            scope.spawn(move || {
                if spend(store, "c", NOON + 99, NOON + 10) {
                    came.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(came.into_inner(), 1);
    let rows = watchfire_store::SPENT_LIMIT;
    home.behind_its_back(&if home.folder.is_some() {
        format!(
            "insert into spent (word, until_us) with recursive n(i) as (select 1 union all select i + 1 from n \
             where i < {rows}) select 'x' || i, {NOON} + 1000 from n"
        )
    } else {
        format!("insert into spent (word, until_us) select 'x' || i, {NOON} + 1000 from generate_series(1, {rows}) i")
    });
    assert!(!spend(&home.store, "d", NOON + 99, NOON + 10), "nobody could say whether it was used");
    assert!(spend(&home.store, "d", NOON + 2000, NOON + 1000));
}
