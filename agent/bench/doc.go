// Package bench measures what Sallyport promises about its speed and size. It holds benchmarks only:
//
//	go test -run xxx -bench . -benchtime 3x ./agent/bench
//
// What a figure means is said at each benchmark. Where somebody else's program does the same work (git, terraform), it
// is measured in the same run, turn by turn, so that a busy machine slows both down alike. Each is a part of its own, named
// after the program, or a metric beside the agent's.
//
//	BenchmarkPoll          a poll that finds nothing new; git ls-remote
//	BenchmarkCommitToSlack the agent's own time from seeing a commit to the message; bare terraform
//	BenchmarkProcesses     processes per plan
//	BenchmarkRoots         ten roots changed by one commit; bare terraform, as many at a time. -bench.roots=200 for more
//	BenchmarkDecisionToApply a decision seen until terraform apply starts
//	BenchmarkIdle          memory and processor time of an idle agent with 100 stacks
//	BenchmarkStatus        `sallyport status` as a process, 10,000 runs stored
//	BenchmarkKillToReady   SIGKILL until the agent is ready again, 10,000 runs stored
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
