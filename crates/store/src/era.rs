//! Eras: stretches of keys in which scattered values stand in one order.

/// Objects whose values stand in one order. More would scatter the values of a batch over more pages than a cache
/// holds; fewer would be more ranges for each search. The migrations and the statements over dates know
/// the number, too.
pub(crate) const ERA_OBJECTS: i64 = 131_072;

/// The era in which the values of an object stand.
pub(crate) fn era(object: i64) -> i64 {
    object / ERA_OBJECTS
}
