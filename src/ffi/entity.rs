//! An entity of which the other side keeps a copy, so that it reads it again without a call.

use std::sync::Arc;

use super::error::ApiResult;
use super::feed::{Listener, tell};
use crate::client::Core;
use crate::client::watches::Aspect;
use crate::model::{EntityKey, Object};
use crate::reactive::Computed;
use crate::store::StoreError;

/// The data of an entity, on a lease.
#[derive(uniffi::Object)]
pub struct NativeEntity {
    core: Arc<Core>,
    key: EntityKey,
    /// `None` where it could not be read, which is for whoever reads it to find out.
    data: Computed<Option<Option<Object>>>,
    _share: Arc<()>,
}

impl NativeEntity {
    /// It has a share of what counts such copies.
    pub(super) fn new(
        core: &Arc<Core>,
        key: EntityKey,
        recall: Arc<dyn Listener>,
        share: Arc<()>,
    ) -> Arc<Self> {
        let source = core.watches.entity(&key, Aspect::Copy);
        let data = {
            let (core, key) = (Arc::clone(core), key.clone());
            move || {
                source.track();
                read(&core, &key).ok()
            }
        };
        let data = Computed::new_with_leases(data, PartialEq::eq, move || tell(&*recall));
        Arc::new(Self { core: Arc::clone(core), key, data, _share: share })
    }
}

fn read(core: &Core, key: &EntityKey) -> Result<Option<Object>, StoreError> {
    Ok(core.store.get(key)?.map(|row| row.data))
}

#[uniffi::export]
impl NativeEntity {
    /// Its JSON, `None` when it is not visible: so until `recall` is told, which may be during this call.
    pub fn lease(&self) -> ApiResult<Option<String>> {
        let data = match self.data.lease(Clone::clone) {
            Some(data) => data,
            // The next time it may be possible: a failure is not kept.
            None => read(&self.core, &self.key)?,
        };
        Ok(data.map(|data| self.core.codec.newest(&self.key, &data).as_str().to_owned()))
    }
}
