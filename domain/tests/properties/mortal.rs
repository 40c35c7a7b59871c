//! A replica that dies after every command, and reads back what it had written.

use mpss_domain::{Batch, Command, LogTime, Outcome, State, Verb};

use crate::versions::restored;
use crate::world::World;

/// What is left of it each time, and the time of its leader.
pub(crate) struct Mortal {
    pub(crate) state: State,
    pub(crate) at: LogTime,
    #[cfg(feature = "mutants")]
    mutant: Option<mpss_domain::mutant::Mutant>,
}

impl Mortal {
    /// It goes on from there.
    pub(crate) fn of(world: World) -> Self {
        Self {
            state: world.state,
            at: world.at,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// It has this fault, however often it dies.
    #[cfg(feature = "mutants")]
    pub(crate) fn plant(&mut self, mutant: mpss_domain::mutant::Mutant) {
        self.mutant = Some(mutant);
        self.state.set_mutant(self.mutant);
    }

    /// One command, committed.
    pub(crate) fn commit(&mut self, command: Command) -> Outcome {
        let batch = Batch { at: self.at, commands: vec![command] };
        let outcome = self.state.apply(self.state.index() + 1, &batch).replies.remove(0).outcome;
        let digest = self.state.digest();
        self.state = restored(&self.state);
        #[cfg(feature = "mutants")]
        self.state.set_mutant(self.mutant);
        assert_eq!(self.state.digest(), digest);
        assert_eq!(self.state.check_all(), Ok(()));
        outcome
    }

    /// What nobody asked for under an id, committed.
    pub(crate) fn ask(&mut self, verb: Verb) -> Outcome {
        self.commit(Command::internal(verb))
    }
}
