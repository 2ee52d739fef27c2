/*
    Links in data that lead out of them, as DataLad's do into .git/annex/objects of the data set around a folder. Without a
    container they are followed as they are. A container sees only what is staged: the folders they lead to are staged, too.
*/

include { childrenOf ; isLocal } from '../files'

// The folders outside `roots` that links in them lead to, none of them inside another; none without a container.
def leadOut(roots) {
    def local = workflow.containerEngine ? roots.findAll { root -> isLocal(root) && root.exists() } : []
    def needed = local
        .collectMany { root -> linksIn(root, 0) }
        .collectMany { link -> hops(link) }
        .findAll { place -> !local.any { root -> place.startsWith(root) } }
        .collect { place -> place.isDirectory() ? place : place.parent }
        .unique()
        .sort { place -> place.toString() }
    return few(needed.findAll { place -> !needed.any { other -> other != place && place.startsWith(other) } })
}

def linksIn(path, depth) {
    def own = java.nio.file.Files.isSymbolicLink(path) ? [path] : []
    // The depth stops a link that points to a folder above it.
    def open = depth < 32 && java.nio.file.Files.isDirectory(path) && java.nio.file.Files.isReadable(path)
    return own + (open ? childrenOf(path).collectMany { child -> linksIn(child, depth + 1) } : [])
}

// Where a link points, and where that points where it is a link itself.
def hops(link) {
    if (!java.nio.file.Files.isSymbolicLink(link)) {
        return []
    }
    def place = link.parent.toRealPath().resolve(java.nio.file.Files.readSymbolicLink(link)).normalize()
    return place.exists() ? [place] + hops(place) : []
}

// Each file of an annex lies in a folder of its own: many are staged as the one that holds them all.
def few(folders) {
    if (folders.size() <= 16) {
        return folders
    }
    def first = folders.first()
    def shared = (1..first.nameCount)
        .collect { count -> first.root.resolve(first.subpath(0, count)) }
        .findAll { ancestor -> folders.every { folder -> folder.startsWith(ancestor) } }
    if (!shared) {
        error("datasets: links in the data lead to ${folders.size()} folders with no folder around them, such as ${folders.first()} and ${folders.last()}; a container can be given only a few. Gather the files in one folder, or run without a container.")
    }
    return [shared.last()]
}
