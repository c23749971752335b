// Package sim plays the agent's life on a clock of its own, against a world that fails, hangs, lies about the time and loses
// answers, and holds the agent to its promises.
//
//	go test ./agent/sim                             20 seeds; 2 with -short
//	go test ./agent/sim -run TestSeeds -long        1,000 seeds; -from and -to for a part of them
//	go test ./agent/sim -run TestSeeds -seed 7 -v   one seed, with its diary
//
// A seed is a story. For half an hour of its clock (-trouble) somebody pushes changes, reverts, nonsense and rewritten branches;
// people approve, deny, say it twice, take it back, come too late, pause, cancel, plan and unlock; Slack is slow, limits, is
// down, carries out what it does not answer; git is down, hangs, stalls, shows an old branch; terraform fails, hangs, meets
// locks; applies fail half-way, die with their lock, cannot save their state; the disk is full; the wall clock is set by minutes
// or a year; objects change by hand; the agent is killed on one side of a commit, while it starts a runner, or at rest, and is
// started again. Then all is well, people answer what asks, and it has to come to rest.
//
// # What is real
//
// Everything of the agent, made and run as the program does it ([agent.New], [agent.Agent.Run]): the loop, the rules, the ledger,
// execute, triggers, source, outbox, Slack's client and its reader, operator, housekeeping with its snapshots, and the store, a real
// bbolt file. Of an apply, too, all that the agent does: the claim, the lock, and whatever it reads of a runner's files.
//
// In the place of others stand, in this process: git (a mirror of a history in memory), terraform (plans, unlock, state push),
// the runner's process with the terraform of an apply, which goes on when its agent dies, and the way to Slack, at whose end is the
// workspace that all tests use (package slacktest). They give the errors of the real ones, and no more than those know: the
// mirror has what was fetched, a plan file is an archive whose digest the runner checks, the lock of a run is a real flock. The
// border is package agent's Outside.
//
// Left out are the socket, pull requests and GitHub, images, terraform.user, hooks, backups, and two agents on one stack. A kill
// ends each goroutine where it would next commit or speak to somebody, so that it leaves no files half written; the tests
// of package e2e kill real processes at each point, run real terraform and see that. One seed has one stream of chance for
// each subject, while goroutines of one moment run in an order that the scheduler chooses: a story that is played again is most
// often, and not always, the same.
//
// # The promises
//
// They know nothing of the agent's rules. They are checked once a minute of the clock, after every event, and where an apply
// begins and ends:
//
//   - Nothing unapproved is applied: enough of those who may decide have said so in the run's thread, in the words that the
//     plan needs, below a message that showed this plan or one with the same effect, have not taken it back and nobody has denied it.
//
//   - Nothing is applied twice: no run, no plan; nor two at a time to one stack.
//
//   - Nothing is lost: no run disappears, no end of one changes, no decision is dropped, the history never gets shorter.
//
//   - What is recorded of an apply is what terraform did.
//
//   - Every open run goes on, or says what it waits for; once all is well each comes to its end.
//
//   - Every run that has ended is told in Slack, in one message that says how.
//
//   - Whoever decided in a thread is counted, or told that it did not count; ends and answers are said once.
//
//   - Nothing begins while it is paused, nor what a newer commit of the stack has overtaken.
//
// TestMutants takes six defences away from outside and fails where no seed notices. With the build tag faults (see package fault) those
// inside can go too: SALLYPORT_FAULT_WITHOUT=verify go test -tags faults ./agent/sim -run TestSeeds -to 30 has to fail. Of the twelve
// that are played here nine were missed within 30 seeds whenever that was tried, "words" in one of two tries; "last look" and "reread"
// matter for what comes in the second before an apply, which no seed has hit: package e2e stages that.
//
// # Which kind of test found which bug
//
// What the simulation found:
//
//	A wait for the delivery under way could not be ended: an agent that was told to stop waited at a lock, as long as a request
//	to Slack hung. (outbox.Deliver)
//	A state lock that was taken while the clock was ahead passed for the request of whoever met it: its id and its owner were
//	not told, and without the id nobody can ask for it to be unlocked. (diag.Period)
//	A wall clock that was set by a day, forwards or backwards, dropped the threads of all runs that had ended, for good: who
//	replied there was never answered. (slackbot, quietInSlack)
//	An agent that was started while its clock was a year ahead took every record for old ten minutes later, and forgot all but
//	the newest twenty runs of each stack. (housekeeping, asOf)
//
// Of what was found earlier the history does not always say how. This is the kind of the test that came with the mending:
//
//	kill at a point     A deleted reply that the channel had not counted yet went on counting as a vote.
//	kill at a point     An upgrade of the store that died half-way replaced the copy to go back to.
//	kill of a runner    A provisioner let go of the run's lock: a living apply looked as if nobody had seen its end.
//	interleaving        A run was planned again that had been planned a moment ago, from what was read before.
//	damaged file        bbolt called good stores damaged beside a writer, and one that was cut short good.
//	injected panic      A panic in a commit left bbolt's free pages half of two states, and the agent wrote on.
//	injected panic      Who waited for a repair that panicked at its edge waited for ever.
//	full disk           Who decided while the disk was full was not told that it did not count.
//	attack              What a plan ran, in a session of its own, approved its own run at the socket.
//	attack              A plan that nobody had approved wrote the state that the agent keeps; another left processes running.
//	attack              Half a megabyte of brackets overflowed the stack at each start; a small pack grew without measure.
//	attack              Secrets that were wrapped, coloured or escaped were not taken out.
//	table               A change that was taken back and brought again was not asked about again.
//	table               The check at the start took every store with images in it for damaged.
//	table               A provider in a pull request told a program to run, and it ran without anybody's word.
//	end to end          The store refused what schedules of images wanted to build.
//	end to end          The beginning of a secret stood at the end of an error's first line, where it had been cut.
//	random model        The store's own model (package rapid) accompanies every operation; the history names no bug that it
//	                    found first.
//	race detector       The store rounded times in what a caller had given it.
package sim
