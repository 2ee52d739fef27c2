import java.nio.file.Files
import java.nio.file.Path

/** What snapshots hold of a folder: names, which are the same on every machine, and no contents. */
class Names {

    /** The files below, by relative path, sorted; ids, which change with every edit of the code, and pseudonyms, with the key, read as ID. */
    static List<String> below(Object folder) {
        return files(folder).keySet().collect { name -> masked(name) }.unique().sort()
    }

    static String masked(String text) {
        return text.replaceAll(/\b([0-9a-f]{12,64}|id-[a-z2-7]{10})\b/, 'ID')
    }

    static String of(Object path) {
        return masked(Path.of(path.toString()).fileName.toString())
    }

    /** Those of the texts that stand in a file below, or in the name of one. */
    static List<String> told(Object folder, List<String> texts) {
        List<String> found = files(folder).collect { name, path -> name + '\n' + new String(path.bytes, 'ISO-8859-1') }
        return texts.findAll { text -> found.any { content -> content.contains(text) } }
    }

    private static Map<String, Path> files(Object folder) {
        Path root = Path.of(folder.toString())
        Map<String, Path> found = [:]
        Files.walk(root).withCloseable { paths ->
            paths.filter { path -> Files.isRegularFile(path) }.each { path -> found[root.relativize(path).toString()] = path }
        }
        return found
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
