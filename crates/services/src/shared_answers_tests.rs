//! First, later, answered, forgotten; by time and by number.

use super::*;

fn digest(number: usize) -> Digest {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest
}

fn given() -> Given {
    let ids = CallerIds::default();
    Given::new(Reply { process: ProcessId::new(), verdict: Verdict::NoContract, ids: ids.clone() }, &ids)
}

fn first(answers: &SharedAnswers, number: usize, now: Instant) -> Giver {
    match answers.place(digest(number), now, None) {
        Place::First(giver) => giver,
        Place::Later(_) | Place::Answered(_) | Place::TooOften(_) => panic!("{number} was asked before"),
    }
}

fn is_kept(answers: &SharedAnswers, number: usize) -> bool {
    answers.lock().places.contains_key(&digest(number))
}

#[test]
fn who_asks_the_same_within_the_window_gets_the_same_answer_and_later_an_own_one() {
    let (answers, now) = (SharedAnswers::default(), Instant::now());
    let giver = first(&answers, 1, now);
    let Place::Later(waiting) = answers.place(digest(1), now, None) else { panic!("it is under way") };
    let given = given();
    let process = given.process;
    answers.give(giver, given);
    assert_eq!(waiting.borrow().as_ref().map(|given| given.process), Some(process));
    let just_before = now + WINDOW - Duration::from_millis(1);
    let Place::Answered(again) = answers.place(digest(1), just_before, None) else {
        panic!("it was answered")
    };
    assert_eq!(again.process, process);
    first(&answers, 1, now + WINDOW);
}

#[test]
fn an_answer_that_must_not_be_shared_reaches_those_who_wait_and_nobody_else() {
    let (answers, now) = (SharedAnswers::default(), Instant::now());
    let giver = first(&answers, 1, now);
    let waiting = giver.subscribe();
    answers.give_once(giver, given());
    assert!(waiting.borrow().is_some());
    first(&answers, 1, now);
}

#[test]
fn a_first_that_ended_without_an_answer_does_not_keep_others_waiting() {
    let (answers, now) = (SharedAnswers::default(), Instant::now());
    drop(first(&answers, 1, now));
    let giver = first(&answers, 1, now);
    answers.give(giver, given());
    assert!(matches!(answers.place(digest(1), now, None), Place::Answered(_)));
}

#[test]
fn answers_leave_when_their_time_is_over_and_their_room_with_them() {
    let (answers, now) = (SharedAnswers::default(), Instant::now());
    for number in 0..20_000 {
        let giver = first(&answers, number, now);
        answers.give(giver, given());
    }
    let late = first(&answers, 20_000, now + WINDOW / 2);
    answers.expire(now + WINDOW);
    assert!(!is_kept(&answers, 0) && !is_kept(&answers, 19_999) && is_kept(&answers, 20_000));
    // One that was under way meanwhile finds its place.
    answers.give(late, given());
    assert!(matches!(answers.place(digest(20_000), now + WINDOW, None), Place::Answered(_)));
    let recent = answers.lock();
    assert_eq!((recent.answers.len(), recent.places.len()), (1, 1));
    let room = (recent.answers.capacity(), recent.places.capacity());
    assert!(room.0 <= 4 * LEAST_ROOM && room.1 <= 4 * LEAST_ROOM, "{room:?}");
}

#[test]
fn beyond_the_most_that_are_kept_the_oldest_is_forgotten() {
    let (answers, now) = (SharedAnswers::default(), Instant::now());
    let oldest = first(&answers, 0, now);
    let waiting = oldest.subscribe();
    for number in 1..=MOST {
        first(&answers, number, now);
    }
    assert!(!is_kept(&answers, 0) && is_kept(&answers, 1) && is_kept(&answers, MOST));
    // Its answer still reaches those who wait for it, and takes nobody's place.
    answers.give(oldest, given());
    assert!(waiting.borrow().is_some());
    assert!(matches!(answers.lock().answers[0].answer, Answer::UnderWay(_)));
    assert_eq!(answers.lock().answers.len(), MOST);
}

#[test]
fn a_kept_answer_is_small() {
    let bytes = (size_of::<Given>(), size_of::<Shared>());
    assert!(bytes.0 <= 320 && bytes.1 <= 72, "{bytes:?}");
}
