//! What may leave. Nothing but this crate makes one, and nothing that leaves a node is anything else.

/// Something that the reader may have.
///
/// What is made of it is made by functions without an environment (`fn`, not closures), so nothing else slips in on the
/// way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released<T>(T);

/// Something that tells of the service and of no object: a list of addresses, a limit, the reader's own request.
///
/// Implementing it says that. A test of the house lists all that do.
pub trait ServiceFact {}

impl<T> Released<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self(inner)
    }

    /// A look at it.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Out, to be written to the reader.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Something made of it and of nothing else.
    pub fn map<U>(self, make: fn(T) -> U) -> Released<U> {
        Released(make(self.0))
    }

    /// Two that may leave, together.
    pub fn with<U>(self, other: Released<U>) -> Released<(T, U)> {
        Released((self.0, other.0))
    }
}

impl Released<&'static str> {
    /// Words of the program itself.
    pub fn words(text: &'static str) -> Self {
        Self(text)
    }
}

impl<T: ServiceFact> Released<T> {
    /// What tells of no object.
    pub fn of_service(fact: T) -> Self {
        Self(fact)
    }
}
