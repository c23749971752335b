// Package repo keeps a mirror of one branch of a git repository and answers questions about it.
//
// A [Repository] is one remote, one branch and one bare mirror on disk. Its life is a loop of three calls:
//
//	tip, err := r.Poll(ctx)              // where is the branch? one round trip, nothing is downloaded
//	if !r.Has(tip.Commit) {
//		err = r.Fetch(ctx, tip.Commit)   // bring that commit and its history into the mirror
//	}
//	err = r.Materialise(ctx, tip.Commit, dir, repo.tree.Options{})
//
// # Polling
//
// A poll asks with protocol v2's ls-refs for one branch and HEAD, over a connection that is kept: one POST over https,
// one channel over ssh. go-git has no protocol v2 and would download every reference each time, 65 bytes for each;
// that is the fallback for servers (or proxies before them) that do not speak v2, and it is remembered for an hour.
//
// # Mirror
//
// The mirror is always complete (go-git silently damages shallow repositories when it fetches into them), is made in a
// directory beside its place and renamed when it is whole. After each fetch the new commit's trees are walked. What is
// found damaged, then or when it is read later, is [ErrDamaged]; the next Fetch makes a fresh mirror beside the old
// one, carries the kept commits over and swaps. References that matter live under refs/sallyport: heads/BRANCH is the
// branch as last fetched, applied/NAME is what [Repository.Keep] holds, so that a commit which a force-push removed
// from the server stays readable here.
//
// # Deadlines
//
// Poll ends within [Options.Timeout]. Fetch takes as long as data flows; when no byte moves for [Options.FetchTimeout]
// it ends with [ErrStalled], be it in the ssh handshake or in mid-pack. Both obey their context.
//
// # Errors
//
// Errors are [*Error] with a Hint for people, and match one of the package's sentinels by errors.Is. They never hold a
// token, a passphrase or the user part of a URL.
//
// # Trust
//
// What comes from a repository is hostile until shown otherwise. Host keys are pinned, never taken on first use.
// [Repository.Materialise] refuses paths named "..", ".git" and the like; it never makes a symlink that leaves the tree, and
// leaves out every directory named .terraform, because the environment file and the module manifest in there steer what
// terraform does, and no honest repository commits them. The number of files, their bytes and the depth are limited.
// What is wrong with one file is a [*FileError], so that those who do not need the file go on.
//
// # Where things are
//
// This package is the mirror: its life on disk, who may read and who may write it, which commits it holds and how they are
// related. What stands below it knows nothing of a mirror: odb reads git's objects and checks them, pack brings objects in through
// a child process, transport reaches servers, tree is the files of one commit, inflated keeps what checkouts are made of so that it is
// put together once.
package repo
