package repo_test

import "github.com/google/go-cmp/cmp"

func diff(got, want any) string { return cmp.Diff(want, got) }
