//! Things worth keeping at hand, in bounded number.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A map that forgets what has not been asked for lately. It holds at most twice its `half`.
pub(super) struct Cache<K, V> {
    half: usize,
    maps: Mutex<Maps<K, V>>,
}

struct Maps<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub fn new(half: usize) -> Self {
        Cache { half, maps: Mutex::new(Maps { young: HashMap::new(), old: HashMap::new() }) }
    }

    pub fn get(&self, key: &K) -> Option<V> {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = maps.young.get(key) {
            return Some(found.clone());
        }
        let found = maps.old.remove(key)?;
        self.insert(&mut maps, key.clone(), found.clone());
        Some(found)
    }

    pub fn put(&self, key: K, value: V) {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        maps.old.remove(&key);
        self.insert(&mut maps, key, value);
    }

    pub fn forget(&self, key: &K) {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        maps.young.remove(key);
        maps.old.remove(key);
    }

    fn insert(&self, maps: &mut Maps<K, V>, key: K, value: V) {
        if maps.young.len() >= self.half {
            maps.old = std::mem::take(&mut maps.young);
        }
        maps.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_number_is_bounded() {
        let cache = Cache::new(4);
        cache.put(0, 0);
        for n in 1..100 {
            cache.put(n, n);
            assert_eq!(cache.get(&0), Some(0), "used each time");
        }
        let held = (0..100).filter(|n| cache.maps.lock().unwrap().young.contains_key(n)).count();
        assert!(held <= 4, "{held}");
        assert_eq!(cache.get(&50), None);
        cache.forget(&0);
        assert_eq!(cache.get(&0), None);
    }
}
