package runner

// Elsewhere: how terraform would run on ECS, or as a Kubernetes Job, and what must not be left to those. Nothing of this is built. It is
// written down so that whoever builds it changes this package and no other, and does not give away "never twice" for it.
//
// # The driver
//
// The agent uses four verbs of a runner, and nothing else knows how an apply is executed. A driver is an implementation of them:
//
//	Start(job)      hand the apply over; returned once the engine has taken it, or has certainly not
//	Attach(run)     what is known of it: nothing ever ran, it runs, this is how it ended, or nobody saw the end
//	Follow(run)     its output as it comes, until it ends
//	Interrupt(run)  ask it to stop, as ctrl-C does: terraform ends what it has begun and saves the state
//
//	           this package                      ECS                                Kubernetes
//	Start      fork `apply-run`, job by a pipe   RunTask, one task, clientToken     create a Job with a fixed name: parallelism 1,
//	                                             derived from run and attempt       completions 1, backoffLimit 0, restartPolicy Never
//	Attach     the files of a run, its flock     claims/RUN, alive/RUN and          the same three keys; the Job's status only says why
//	                                             results/RUN; DescribeTasks only    nothing has begun yet (no node, no image)
//	                                             says why nothing has begun yet
//	Follow     apply.jsonl                       what the runner puts in pieces     the same; the log of a pod goes with its node
//	                                             beside its result
//	Interrupt  the file `cancel`                 a key beside the claim; StopTask   the same; deleting the Job sends SIGTERM, and SIGKILL
//	                                             sends SIGTERM, and SIGKILL after   after terminationGracePeriodSeconds (30 seconds)
//	                                             stopTimeout (30 seconds)
//
// In the task or pod runs the same `apply-run`, with the same checks of the plan, the binary and the lock file. Its job holds secrets and
// so belongs neither in a task definition's overrides nor in a pod's specification, which everybody reads who may describe them: it
// lies, sealed for this attempt, where only the task's own role reads it. Plan and checkout travel the same way, and are compared with
// the digests that people approved before anything is executed.
//
// # Why no such engine promises "never twice" by itself
//
// Each promises that something has run at least once in the end, or that a request counts once, for a while. Neither is a promise
// about how often a program starts.
//
//   - RunTask's clientToken makes the request idempotent, not the task: for at most 24 hours, within one cluster, and with unchanged
//     parameters (ConflictException otherwise). A run may wait for longer than a day between the request whose answer was lost and the
//     next one, a token that the SDK made up is another one after a restart, and ECS is eventually consistent: a task that was started a
//     moment ago may be missing in ListTasks, so that "I see none" is no reason to start one.
//     (docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html and API_RunTask.html)
//   - A service instead of a task is worse: its scheduler exists to start tasks again.
//   - A task's state says what ECS last heard of its agent. One on an instance that is cut off is no longer seen and still applies.
//   - Of a Job with parallelism 1, completions 1 and restartPolicy Never Kubernetes says itself that the same program may sometimes be
//     started twice. backoffLimit 0 only bounds pods that are known to have failed: a pod whose node is lost is replaced, or counted as
//     failed, while its container may well go on, as no kubelet is there to be told. podReplacementPolicy Failed waits for the end of
//     the pod object, and removing that by force (which a person or the garbage collector does for a lost node) is no end of a process.
//     (kubernetes.io/docs/concepts/workloads/controllers/job, "Handling Pod and container failures"; .../pods/pod-lifecycle, "Forced Pod
//     termination")
//   - A Job's fixed name keeps a second one from being made only while the first is there: ttlSecondsAfterFinished, or anybody's
//     `kubectl delete`, frees it.
//   - Containers are restarted below all of that, too: by restartPolicy OnFailure, and in ECS by a container's restartPolicy.
//   - Terraform's state lock keeps two applies from running at once. It does not keep the second one from running after the first. The
//     saved plan of an applied run is refused as stale only if its backend counts serials and the first one got as far as saving.
//
// # How the claim does it
//
// The start that counts is not the request but the moment before exec, and whoever starts there must be alone. `apply-run` makes the
// key claims/RUN in etcd with a transaction that succeeds only if there is none, and executes terraform only after etcd has said yes. It
// does so from inside of the task, at the last moment, so that it does not matter how many tasks or pods an engine made of one request,
// when it got round to it, or which of them somebody still believes in:
//
//	two pods of one Job, whichever the reason      one makes the key; the other one finds it and ends without executing anything
//	RunTask repeated after its token has expired   the same
//	a pod wakes up after days on a node that       its key is there, or the leader's tombstone is: it ends
//	was cut off
//	the answer to the claim is lost                it reads the key: its own token stands there, or it does not; if it cannot read,
//	                                               it ends, and the run is planned again or told as interrupted
//	the pod dies after the claim                   its lease runs out and no result is there: `interrupted`, told, never repeated
//	the agent is not sure that Start succeeded     it asks again with the same clientToken or name, as often as it likes
//	somebody wants to give up a start that hangs   the leader writes a tombstone to claims/RUN: if it is first, this apply can never
//	                                               start any more, and the run can be planned again
//
// What is left is the time between the claim and exec, in which a task may die: then the run is told as interrupted though terraform never
// ran. That is the right side to err on. The engine's own guarantees are worth having for what they save (tasks that start in order to
// find out that they must not), and for nothing else.
