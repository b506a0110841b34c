//! How many remote requests are under way to each operator. A person waits for each of them, so none waits for another;
//! beyond the bound they are turned away at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oicp::OperatorId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// At most so many per operator.
const MOST: usize = 64;

/// The requests under way.
#[derive(Debug, Default)]
pub(crate) struct CallsUnderWay {
    operators: Mutex<HashMap<OperatorId, Arc<Semaphore>>>,
}

impl CallsUnderWay {
    /// A place for one more, until it is dropped. Ask for registered operators only: each is remembered.
    pub(super) fn place(&self, operator: OperatorId) -> Option<OwnedSemaphorePermit> {
        let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
        let places = operators.entry(operator).or_insert_with(|| Arc::new(Semaphore::new(MOST)));
        places.clone().try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operators_calls_take_no_place_of_anothers() {
        let calls = CallsUnderWay::default();
        let (one, other) = (OperatorId::parse("DE*ABC").unwrap(), OperatorId::parse("DE*QQQ").unwrap());
        let mut under_way: Vec<_> = (0..MOST).filter_map(|_| calls.place(one)).collect();
        assert_eq!(under_way.len(), MOST);
        assert!(calls.place(one).is_none() && calls.place(other).is_some());
        under_way.pop();
        assert!(calls.place(one).is_some(), "who has ended makes room");
    }
}
