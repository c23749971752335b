// Package packer knows Packer: what a template builds, how a build is started, and what it says while it runs.
//
// # What is built is what was approved
//
// Packer has no plan file. Its place takes a [Recipe]: the template, the digests of every file that belongs to the image, the
// variables and the binary. Its own digest is what people approve. Both when it is validated and when it is built, Packer
// works in a copy that was made by the recipe, file by file, and holds nothing else: what is not in the recipe cannot get
// into an image, and a template that needs more fails when it is planned and not in the middle of a build.
//
// # What Packer says
//
// A build writes its machine-readable output to a file, line by line ([Output] reads it). The artifacts stand at its end only,
// each once more for every manifest post-processor. A build that was killed has none there; what its builders had finished by
// then stands in the manifest, if there is one ([ReadManifest]).
package packer
