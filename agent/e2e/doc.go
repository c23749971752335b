// Package e2e tests Sallyport from the outside: the built binary, real git servers, real terraform, and a Slack of one's
// own.
//
// Nothing in here knows how the agent works inside. A test writes a configuration file, pushes commits with git, talks
// to people through the fake Slack, runs `sallyport VERB --json` as a script would, and kills processes. What it expects
// is what the documentation promises: statuses, JSON fields, exit codes, files in the data directory. So the tests stay
// valid when the inside is rewritten, and whoever wants to know what Sallyport does in a bad night can read them as a
// list.
//
// TestCrash disturbs an agent at random and holds what really ran, which an oracle in terraform's place writes down,
// against what people had decided and were told. TestMutants takes the defences away one by one and requires the same
// checks to notice. A longer run: go test ./agent/e2e -run 'TestCrash$' -v -crash.for=2h -timeout 3h; one seed again:
// -crash.seed=N -crash.for=1s; without a defence: -crash.without=NAME.
//
// The binary is built once per run of the tests; SALLYPORT_E2E_BINARY names another one to test instead. -short
// keeps a few ways through the program, and the other tests say that they are skipped.
package e2e
