//! Places for exchanges: so many at a time, and of those who wait the urgent ones first.
//!
//! A place is given back by dropping it, and then handed to whoever waits longest, urgent ones before others; the last
//! quarter is kept for the urgent ones. Invariant: while somebody waits, no place is free that is not kept from them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roamhub_core::lane::Urgency;
use tokio::sync::oneshot;

/// So many places. Their number is said by whoever asks for one, since it may change at any time.
#[derive(Debug, Default)]
pub(crate) struct Places {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    width: usize,
    taken: usize,
    urgent: VecDeque<oneshot::Sender<Place>>,
    others: VecDeque<oneshot::Sender<Place>>,
}

impl Inner {
    /// The last quarter is for the urgent ones: a provider that is slow to take Starts has a place for an End.
    fn has_room(&self, urgency: Urgency) -> bool {
        self.taken
            < match urgency {
                Urgency::Urgent => self.width,
                Urgency::Usual | Urgency::Record => self.width - self.width / 4,
            }
    }
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Option<Arc<Places>>,
}

impl Places {
    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// A place out of `width`, if one is free and nobody waits.
    pub(crate) fn try_take(self: &Arc<Self>, width: usize, urgency: Urgency) -> Option<Place> {
        let mut inner = self.lock();
        inner.width = width;
        let free = inner.has_room(urgency) && inner.urgent.is_empty() && inner.others.is_empty();
        free.then(|| {
            inner.taken += 1;
            Place { places: Some(self.clone()) }
        })
    }

    /// A place out of `width`, as soon as there is one. Giving up waiting costs nothing.
    pub(crate) async fn take(self: &Arc<Self>, width: usize, urgency: Urgency) -> Place {
        loop {
            if let Some(place) = self.try_take(width, urgency) {
                return place;
            }
            // It may have become free in between, or the lane wider.
            if let Ok(place) = self.line_up(width, urgency).await {
                return place;
            }
        }
    }

    /// A place in the line of those who wait, from now on. Leaving the line, by dropping this, costs nothing.
    pub(crate) fn line_up(self: &Arc<Self>, width: usize, urgency: Urgency) -> oneshot::Receiver<Place> {
        let (hand, handed) = oneshot::channel();
        {
            let mut inner = self.lock();
            inner.width = width;
            match urgency {
                Urgency::Urgent => inner.urgent.push_back(hand),
                Urgency::Usual | Urgency::Record => inner.others.push_back(hand),
            }
        }
        self.hand_out();
        handed
    }

    /// Hands free places to those who wait.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let hand = {
                let mut inner = self.lock();
                let next = match inner.has_room(Urgency::Usual) {
                    true => inner.urgent.pop_front().or_else(|| inner.others.pop_front()),
                    false if inner.has_room(Urgency::Urgent) => inner.urgent.pop_front(),
                    false => None,
                };
                let Some(hand) = next else { return };
                inner.taken += 1;
                hand
            };
            if let Err(mut refused) = hand.send(Place { places: Some(self.clone()) }) {
                // It has stopped waiting. Taken back by hand: dropping it would begin here again.
                refused.places = None;
                self.lock().taken -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            let waiting = {
                let mut inner = places.lock();
                inner.taken -= 1;
                !(inner.urgent.is_empty() && inner.others.is_empty())
            };
            if waiting {
                places.hand_out();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    impl Places {
        fn waiting(&self) -> usize {
            let inner = self.lock();
            inner.urgent.len() + inner.others.len()
        }
    }

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn the_urgent_ones_come_first_then_those_who_wait_longest() {
        let places = Arc::new(Places::default());
        let first = places.take(1, Urgency::Usual).await;
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let waiting = [
            ("p1", Urgency::Usual),
            ("e1", Urgency::Urgent),
            ("p2", Urgency::Usual),
            ("e2", Urgency::Urgent),
        ];
        for (number, (name, urgency)) in waiting.into_iter().enumerate() {
            let (waiting, told) = (places.clone(), told.clone());
            tokio::spawn(async move {
                let place = waiting.take(1, urgency).await;
                told.send(name).unwrap();
                drop(place);
            });
            while places.waiting() <= number {
                tokio::task::yield_now().await;
            }
        }
        assert!(places.try_take(1, Urgency::Urgent).is_none());
        drop(first);
        for expected in ["e1", "e2", "p1", "p2"] {
            assert_eq!(timeout(SOON, order.recv()).await.unwrap(), Some(expected));
        }
        assert!(timeout(SOON, places.take(1, Urgency::Usual)).await.is_ok(), "all given back");
    }

    #[tokio::test]
    async fn who_stops_waiting_loses_no_place() {
        let places = Arc::new(Places::default());
        let held = places.take(1, Urgency::Usual).await;
        for _ in 0..3 {
            let waited = timeout(Duration::from_millis(1), places.take(1, Urgency::Urgent)).await;
            assert!(waited.is_err());
        }
        drop(held);
        let place = places.try_take(1, Urgency::Usual).expect("nobody waits any more");
        assert_eq!(places.taken(), 1);
        drop(place);
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn the_last_quarter_is_for_the_urgent_ones() {
        let places = Arc::new(Places::default());
        let mut taken: Vec<_> = std::iter::from_fn(|| places.try_take(8, Urgency::Usual)).collect();
        assert_eq!(taken.len(), 6);
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take(8, Urgency::Usual).await }
        });
        while places.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        taken.push(timeout(SOON, places.take(8, Urgency::Urgent)).await.unwrap());
        taken.push(timeout(SOON, places.take(8, Urgency::Urgent)).await.unwrap());
        assert!(!waiting.is_finished());
        taken.clear();
        assert!(timeout(SOON, waiting).await.is_ok());
    }

    #[tokio::test]
    async fn a_lane_that_gets_wider_lets_in_who_waits() {
        let places = Arc::new(Places::default());
        let _held = places.take(1, Urgency::Usual).await;
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take(1, Urgency::Usual).await }
        });
        while places.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let _second = places.take(3, Urgency::Usual).await;
        let _first = timeout(SOON, waiting).await.unwrap().unwrap();
        assert_eq!(places.taken(), 3);
    }
}
