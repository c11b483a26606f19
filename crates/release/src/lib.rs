//! Who may know: the lattice of markings, and the only way out.
//!
//! What an object's markings say ([`Words`]) is compiled into one [`Marking`]: a set of *clauses*, all of which must
//! admit a reader, and each of which names those it admits. TLP, named recipients, organisations and their clients,
//! communities, nations (REL TO) and embargoes are all clauses. So joining two markings is the union of their clauses,
//! which can never admit anybody whom one of the two refuses; and *why* is the clause that refused, in words.
//!
//! [`own()`] says what an object's own markings are, [`settle()`] what follows for a whole graph of objects:
//!
//! * what has no marking takes that of the containers that came with it, or the node's default;
//! * an object that names another by reference is known to nobody from whom the other is withheld;
//! * a marking that is not known, or cannot be read, admits nobody: the object stays inside;
//! * a marking of a part is a marking of the whole: a part is never cut out of the same id and version.
//!
//! [`Gate`] decides for one reader at one instant, and what it lets out is a [`Released`]: no other crate can make one.
//!
//! **Invariant**: every function here is total, and time is an argument. **Invariant**: nothing here widens; whoever adds
//! a rule adds a clause.

mod clause;
mod definition;
mod gate;
mod marking;
mod object;
mod party;
mod released;
mod settle;
mod words;

pub use clause::{Clause, Principal, Reach};
pub use definition::{Book, RELEASE_EXTENSION, read_definition};
pub use gate::{Decision, Gate, Reason, Use};
pub use marking::{Marking, Pap, SUMMARY_LIMIT_BYTES};
pub use object::{Own, Said, own};
pub use party::{Community, Directory, Organisation, Recipient};
pub use released::{Released, ServiceFact};
pub use settle::{Known, Settling, derived, settle};
pub use words::{Audience, Origin, Words};
