//! What has to be done though nobody waits for it any more: to leave what was joined, also when the
//! run is interrupted.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

/// Tasks that go on when their probe is dropped. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Farewells(Arc<Mutex<JoinSet<()>>>);

impl Farewells {
    /// Runs `task` to its end, whatever becomes of who began it. It has to end by itself, soon
    /// after its work is over.
    pub fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    /// Waits for all tasks, for `longest` at most; what is left then is ended.
    pub async fn wait(&self, longest: Duration) {
        let all = async {
            loop {
                // What ends may only then let go of something else.
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
        // Dropped in the end, and with it whatever did not come to its end in time.
        drop(timeout(longest, all).await);
    }
}
