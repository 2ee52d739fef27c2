import java.nio.file.Files
import java.nio.file.Path

/** What snapshots hold of a folder: names, which are the same on every machine, and no contents. */
class Names {

    /** The files below, by relative path, sorted; ids, which change with every edit of the code, read as ID. */
    static List<String> below(Object folder) {
        Path root = Path.of(folder.toString())
        List<Path> found = []
        Files.walk(root).withCloseable { paths -> paths.filter { path -> Files.isRegularFile(path) }.each { path -> found << path } }
        return found.collect { path -> masked(root.relativize(path).toString()) }.unique().sort()
    }

    static String masked(String text) {
        return text.replaceAll(/\b[0-9a-f]{12,64}\b/, 'ID')
    }

    static String of(Object path) {
        return masked(Path.of(path.toString()).fileName.toString())
    }

    /** The names in the first line of a table, and how many rows come after it. */
    static Map<String, Object> table(Object path, String separator = ',') {
        List<String> lines = Path.of(path.toString()).readLines()
        return [columns: lines[0].split(separator, -1).toList(), rows: lines.size() - 1]
    }

    /** Which tools a process reports a version of: versions themselves differ from machine to machine. */
    static List<String> tools(Object triples, String process) {
        return triples.findAll { triple -> triple[0].tokenize(':').last() == process }.collect { triple -> triple[1] }.unique().sort()
    }
}
