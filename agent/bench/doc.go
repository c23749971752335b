// Package bench measures what Sallyport promises about its speed and size. It holds benchmarks only, all of them run by
//
//	go test ./agent/bench -bench . -benchtime 1x
//
// which prints a table at its end: what was measured, what it is to be, what an opponent needed for the same and the ratio of both.
// With -short everything is smaller, takes minutes instead of an hour, and is labelled so; -bench.NAME flags set sizes one by one.
//
// What a figure means is said at each benchmark. Where somebody else's program does the same work (git, terraform), it
// is measured in the same run, turn by turn, so that a busy machine slows both down alike; -bench.turns says how many turns an
// operation has. A row without a figure is one that failed, and says so. Atlantis is an opponent of ten and thirty roots where
// SALLYPORT_BENCH_ATLANTIS names its binary: it gets its webhook from a small GitHub that stands here, clones from the same kind of git
// server, and is through when its comment with the last plan has come.
//
//	BenchmarkPoll            a poll that finds nothing new; git ls-remote
//	BenchmarkCommitToSlack   the agent's own time from seeing a commit to the message; bare terraform
//	BenchmarkProcesses       processes per plan
//	BenchmarkRunProcessor    processor time of the agent per plan, 100 and 3,000 files, with users of their own and without
//	BenchmarkRoots           ten, thirty, two hundred roots changed by one commit; bare terraform, as many at a time
//	BenchmarkDecisionToApply a decision seen until terraform apply starts
//	BenchmarkIdle            memory and processor time of an idle agent with 100 stacks
//	BenchmarkColdProvider    50 stacks with one provider of 100 MB that nobody has fetched yet
//	BenchmarkSecondPlan      the next commit of a root with ten pinned modules and three providers of 100 MB; bare terraform
//	BenchmarkStatus          `sallyport status`, `runs`, `show` as processes, 10,000 runs stored; `sallyport version`
//	BenchmarkKillToReady     SIGKILL until the agent is ready again, 10,000 runs stored
//	BenchmarkOneRoot         one root of 500 resources, from seeing a commit to the card; bare terraform
//	BenchmarkLargePlan       one root of 10,000 resources that all change: the agent's peak, its card, show and status
//	BenchmarkFirstPlans      500 stacks planned for the first time, with a script in terraform's place; -bench.inside for profiles
//	BenchmarkGrowth          what a poll, a commit and rest cost with 10, 100, 1,000 stacks and 100, 10,000, 1,000,000 objects
//	BenchmarkDataDir         what 10,000 runs leave on the disk
//
// # How it is measured
//
// Programs that are measured from outside are the real binary, built once. Where times inside of the agent are wanted it
// runs in this process, and its remote ends, git http-backend and the Slack of package slacktest, stand behind
// proxies that write down when each request came and when its answer was through: that time is theirs and not the agent's.
// Processor time of polls is measured in a process of its own, because the servers live in this one.
//
// Terraform runs without a network and without providers other than the built-in one. Everything ends with the benchmark.
package bench
