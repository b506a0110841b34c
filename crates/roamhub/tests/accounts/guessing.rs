//! Guessing passwords.

use std::time::{Duration, Instant};

use crate::stage::{PASSWORD, Stage};

#[tokio::test]
async fn wrong_passwords_are_answered_later_and_later_and_nobody_else_waits() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    stage.add("bob", "read").await;
    let browser = stage.browser();
    let mut took = Vec::new();
    for _ in 0..6 {
        let began = Instant::now();
        let answer = browser.log_in("anna", "a wrong password").await;
        assert_eq!(answer.status, 401, "{answer:?}");
        took.push(began.elapsed());
    }
    // The delays are 0, 0, 0, then half a second, one, two; hashing comes on top.
    for (place, least) in [(3, 500), (4, 1000), (5, 2000)] {
        assert!(took[place] >= Duration::from_millis(least), "{took:?}");
    }
    let began = Instant::now();
    assert_eq!(stage.browser().log_in("bob", PASSWORD).await.status, 303);
    assert!(began.elapsed() < took[5], "bob waits for anna's guesses: {took:?}");
    let began = Instant::now();
    assert_eq!(stage.browser().log_in("anna", PASSWORD).await.status, 303, "slower, and not locked out");
    assert!(began.elapsed() >= Duration::from_secs(4));
    let began = Instant::now();
    assert_eq!(stage.browser().log_in("anna", PASSWORD).await.status, 303);
    assert!(began.elapsed() < Duration::from_secs(4), "and forgiven then");
}

#[tokio::test]
async fn who_guesses_at_somebody_who_is_not_there_sees_no_difference() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..3 {
        for (name, took) in [("anna", &mut known), ("nobody", &mut unknown)] {
            let began = Instant::now();
            let answer = stage.browser().log_in(name, &format!("wrong password {number}")).await;
            took.push(began.elapsed());
            assert_eq!(answer.status, 401);
            let text = answer.text().replace(&format!("value=\"{name}\""), "");
            assert!(text.contains("the name or the password is wrong"), "{text}");
        }
    }
    // Both hash: without that, one would be faster by orders of magnitude.
    let (known, unknown) = (known.iter().min().unwrap(), unknown.iter().min().unwrap());
    let ratio = known.as_micros().max(1) * 100 / unknown.as_micros().max(1);
    assert!((20..=500).contains(&ratio), "{known:?} against {unknown:?}");
    let line = stage.audited("log-in").await;
    assert_eq!((&line["about"], &line["outcome"]), (&serde_json::Value::Null, &"refused".into()), "{line:#}");
}

#[tokio::test]
async fn a_crowd_of_guesses_is_told_to_come_back_and_the_hub_goes_on_serving() {
    let stage = Stage::new().await;
    stage.add("anna", "read").await;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let browser = stage.browser();
        guesses.spawn(async move { browser.log_in("anna", "a wrong password").await });
    }
    // The first answers to come are those that need not wait: right away, or turned away.
    let mut told_to_come_back = 0;
    while told_to_come_back < 50 {
        let answer = guesses.join_next().await.expect("most are turned away").unwrap();
        match answer.status {
            429 => {
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!(wait >= 1, "{answer:?}");
                told_to_come_back += 1;
            }
            401 => {}
            other => panic!("{other}: {answer:?}"),
        }
    }
    let (_, process) = stage.end().await;
    assert!(!process.is_empty(), "partners are served meanwhile");
    assert_eq!(stage.browser().get("/healthz").await.status, 200);
    guesses.abort_all();
}
