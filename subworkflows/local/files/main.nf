/*
    Files that tasks are given under paths that change only with their content, so that -resume sees every edit and nothing
    else: Nextflow hashes an input by path, size and time, a folder by its own time only.
*/

// A fixed time for what lies under a content-addressed path.
def contentTime() {
    return java.nio.file.attribute.FileTime.fromMillis(946684800000L)
}

def isLocal(path) {
    return path.toUri().scheme == 'file'
}

// A folder of data as a container is to see it: where it really lies, since links in it may be relative to that.
def placeOf(path) {
    return workflow.containerEngine && isLocal(path) && path.isDirectory() ? path.toRealPath() : path
}

def md5(text) {
    return text.md5().take(16)
}

// All regular files below a folder, in order of name, but for caches and hidden ones. Links are followed.
def filesBelow(folder) {
    return childrenOf(folder)
        .findAll { child -> !child.name.startsWith('.') && child.name != '__pycache__' }
        .collectMany { child -> java.nio.file.Files.isDirectory(child) ? filesBelow(child) : [child] }
}

def childrenOf(folder) {
    return folder.listFiles().toList().sort { child -> child.name }
}

// A copy of `source` at <target>/<digest of its content>/<name>, made once. `keep` chooses files by relative name.
def snapshot(source, target, keep) {
    def chosen = filesBelow(source)
        .collectEntries { path -> [source.relativize(path).toString(), path] }
        .findAll { name, _path -> keep.call(name) }
    def digest = md5(chosen.collect { name, path -> "${name} ${path.bytes.md5()}" }.join('\n'))
    def home = target.resolve(digest)
    def copy = home.resolve(source.name)
    if (!copy.exists()) {
        def draft = target.resolve(".${digest}-${UUID.randomUUID()}")
        chosen.each { name, path ->
            def place = draft.resolve(source.name).resolve(name)
            place.parent.mkdirs()
            java.nio.file.Files.copy(path, place)
        }
        settle(draft.resolve(source.name))
        moveOnce(draft, home)
    }
    return copy
}

// A copy of one file at <target>/<name>, where the name already stands for the content.
def keepFile(source, target) {
    def copy = target.resolve(source.name)
    if (!copy.exists()) {
        target.mkdirs()
        def draft = target.resolve(".${source.name}-${UUID.randomUUID()}")
        java.nio.file.Files.copy(source, draft)
        settle(draft)
        moveOnce(draft, copy)
    }
    return copy
}

def settle(path) {
    if (isLocal(path)) {
        java.nio.file.Files.setLastModifiedTime(path, contentTime())
    }
}

// Another run may have made the same: then the winner stays.
def moveOnce(draft, place) {
    try {
        java.nio.file.Files.move(draft, place)
    }
    catch (java.nio.file.FileAlreadyExistsException | java.nio.file.DirectoryNotEmptyException lost) {
        log.debug("Already there: ${lost.message}")
        draft.isDirectory() ? draft.deleteDir() : draft.delete()
    }
}

// What tells whether data changed without reading them: names, sizes, times and readability of every file, at any depth.
// A file that is not there is told too: it may come.
def stampOf(paths) {
    return md5(paths.collectMany { path -> stampLines(path, 0) }.join('\n'))
}

def stampLines(path, depth) {
    def readable = java.nio.file.Files.isReadable(path)
    if (java.nio.file.Files.isDirectory(path)) {
        // The depth stops a link that points to a folder above it.
        def children = readable && depth < 32 ? childrenOf(path) : []
        return ["${path} ${readable}"] + children.collectMany { child -> stampLines(child, depth + 1) }
    }
    return ["${path} ${readable} ${path.exists() ? "${path.size()} ${path.lastModified()}" : 'absent'}"]
}
