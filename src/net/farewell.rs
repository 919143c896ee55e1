//! Tasks that must finish after their probe has ended, also when the run is interrupted: leaving the
//! rooms that were joined.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

/// Tasks that continue after their probe is dropped. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Farewells(Arc<Mutex<JoinSet<()>>>);

impl Farewells {
    /// Runs `task` to its end, even if its caller is gone. It must end by itself soon after its work is
    /// done.
    pub fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    /// Waits for all tasks, at most for `longest`. Then stops the remaining ones.
    pub async fn wait(&self, longest: Duration) {
        let all = async {
            loop {
                // A task that ends may release the last reference to another one.
                let mut tasks = {
                    let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    std::mem::take(&mut *tasks)
                };
                if tasks.is_empty() {
                    break;
                }
                while tasks.join_next().await.is_some() {}
            }
        };
        // Dropping it at the end stops the tasks that have not finished.
        drop(timeout(longest, all).await);
    }
}
