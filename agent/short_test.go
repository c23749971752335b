package agent_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// ways are the tests with a whole agent that are run under -short, while somebody writes: the main way, without Slack and
// with it, and across a restart.
var ways = []string{
	"TestFirstRunIsPlannedApprovedAndApplied",
	"TestAgentRestartsDuringAnApply",
	"TestSlackApproveAndReport",
}

// seams are those that the race detector is shown, which makes everything several times slower (-race -short). Each is here
// for goroutines that meet in it and in no cheaper one. A rule that is one more case of what such a test passes through need
// not be here: `go test ./...` runs it, and no goroutine is new in it. Between them they pass more than nine in ten of the
// functions of the package that any such test passes.
var seams = []string{
	// The loop, the workers for plans and applies, the socket, and what each finds when it comes late.
	"TestFirstRunIsPlannedApprovedAndApplied",
	"TestNewerCommitSupersedesOnlyIfItTouchesTheStack",
	"TestTwoApprovalsNeedTwoPeople",
	"TestRestartWhilePlanned",
	"TestAgentRestartsDuringAnApply",
	"TestCancelWhileApplying",
	"TestPauseHoldsAndDecisionsCount",
	"TestDependencyOrder",
	"TestParallelBoundsApplies",
	"TestUnusuallyLongApplyIsToldOnce",
	"TestStalePlanIsPlannedAgain",
	"TestVerifyIsInterrupted",
	"TestPlansOfTheOtherKinds",
	"TestGivenVariablesAreSecretsThatGoAway",
	"TestWhatAnApplyLeftRunningHoldsTheNextPlan",
	// A configuration, an approver, a tool that change under them.
	"TestConfigurationChangeMakesThePlanStale",
	"TestStackLeavesTheConfiguration",
	"TestStacksOfAGlobAndADirectoryThatLeaves",
	"TestAnUnknownApproverDeafensNobody",
	"TestEachStackHasItsOwnToolAndRoles",
	// The poll of repositories.
	"TestHeldBranchComesBack",
	"TestPlanLooksForTheNewestCommit",
	"TestALastingGitErrorIsToldOnceAndItsEndToo",
	"TestUnsignedCommitsAreHeld",
	// Listening to Slack and sending to it.
	"TestSlackApproveAndReport",
	"TestSlackReplyWhileTheAgentIsDown",
	"TestSlackDeletedVoteDoesNotCount",
	"TestSlackCommands",
	"TestSlackSocket",
	"TestAFailedSearchPostsNothingTwice",
	"TestFirstStacksAreSummedUpInOneMessage",
	"TestACommitOfSeveralStacksHasOneMessage",
	"TestBreakGlassStandsForAllApprovalsUntilSomebodyReviewsIt",
	"TestAWaitingPlanRemindsOnce",
	"TestTwoAgentsOnOneStackAreNoticed",
	// Sites and their pull requests.
	"TestCommitStatuses",
	"TestOutageOfASite",
	"TestOriginOnTheCard",
	"TestPullRequests",
	"TestHeldPullRequestBySlack",
	"TestManyPullRequests",
	// Commands of people and of the host beside everything else.
	"TestExecHoldsTheStackAndLetsItGo",
	"TestWhatADeadAgentWasAtIsLetGo",
	"TestHooksSeeTheRun",
	"TestDenyWhileTheHookRuns",
	"TestALeftStateLockHoldsTheStackUntilSomebodyUnlocksIt",
	"TestALeftStateIsPushed",
	"TestPolicyTakesItsApprovalBack",
	// What goes on by the clock: drift, images, backups, old runs, room.
	"TestAnEarlyApprovalIsNotOfTheNewDrift",
	"TestBuildAndRun",
	"TestScheduledBuild",
	"TestABackupLeavesTheMachine",
	"TestABackupThatHangsIsEnded",
	"TestWhatIsNeededIsNotForgotten",
	"TestNothingIsPlannedOrAppliedOnADiskThatIsNearlyFull",
	// A store that another one takes the place of.
	"TestLivingApplyOutlivesTheStore",
	"TestStoreThatWentBackInTimePausesTheAgent",
	"TestAKeptStateComesBack",
}

// whole skips a test with a whole agent where only some are run.
func whole(t *testing.T) {
	t.Helper()
	kept := ways
	if need.RaceDetector {
		kept = seams
	}
	if name, _, _ := strings.Cut(t.Name(), "/"); !slices.Contains(kept, name) {
		need.Long(t, "it starts a whole agent, and goes a way that others go too")
	}
}

// TestKeptTestsAreThere: one that was renamed would be left out without a word.
func TestKeptTestsAreThere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
	}
	for _, name := range slices.Concat(ways, seams) {
		if !tests[name] {
			t.Errorf("there is no test %s", name)
		}
	}
}
