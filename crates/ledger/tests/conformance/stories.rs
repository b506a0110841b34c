//! How a suite is run: its stories by name, so that one that is forgotten is dead code.

/// Runs the named stories of some modules, each as a test in a place of its own.
macro_rules! stories {
    ($place:ty; $($concern:ident { $($story:ident)* })*) => {$(
        mod $concern {
            $(
                #[tokio::test]
                async fn $story() {
                    let place = <$place as crate::Place>::fresh();
                    crate::$concern::$story(&place).await;
                }
            )*
        }
    )*};
}
