// Package cache keeps what inits have fetched, so that later ones are fast and the next one works when registry and git host are away.
//
// [Cache.Reuse] leaves an init out that would bring what the stack's last one brought, and says by whom that could be anything else.
//
// [Cache.Init] is given what runs `terraform init` once, and decides from where terraform may take providers, in
// which order that is tried, and what of the result is kept.
//
//   - Warm: the lock file names only packages that are in the store, which then is terraform's only source. Such inits run in
//     parallel and without any network. Terraform checks the packages' checksums against the lock file each time; a package that was
//     damaged is fetched again.
//   - Cold: something is missing. Cold inits run one at a time, also among processes: the first fills the store for the others, and what
//     it was told of providers counts for them where their lock files do not say enough for the store (see type answers).
//   - The commit that was initialised last: lock file and remote modules are those of that time, and nothing is asked of anybody.
//   - Another commit, and something could not be reached: lock file and remote modules of the stack's last good init are tried, with a
//     warning.
//
// What lies in a checkout or in a data directory can be another user's, and foreign: [Root.ReadLock] and [Root.ReadBack] follow no
// link out of it. [Cache.Offline] says what a stack could be planned with while nothing can be reached.
//
// The package imports binary, whose slots lie in the same directory; diag, to tell why an init failed; private and asuser, for files
// in other users' directories; foreign and hclfile, to read them; disk, to make the store durable.
package cache
