import groovy.json.JsonOutput
import java.nio.file.Files
import java.nio.file.Path

/**
 * A search that takes seconds: people with an image of 16 x 16 that is brighter with age, and in one half with sex. Age is learnt
 * first, then sex; both at site A, and site B is the external test set.
 */
class MadeUp {

    static final int PEOPLE = 42

    /**
     * Writes images and a params file below `folder`; returns the params file. A store keeps what was trained for the next test.
     * `more` are further params.
     */
    static String search(Object folder, boolean stored = false, Map<String, Object> more = [:]) {
        Path home = Path.of(folder.toString())
        Map<String, Object> images = [reader: 'table', path: table(home.resolve('images'))]
        Map<String, Object> params = [
            outdir: home.resolve('results').toString(),
            architecture: [name: 'resnet10', filters: 4],
            epochs: 1,
            baseline: false,
            accelerator: 'cpu',
            validate_params: true,
            trace_report_suffix: 'test',
            datasets: [
                age: images + [label: 'age', filter: [site: 'A']],
                sex: images + [label: 'sex', filter: [site: 'A']],
                elsewhere: images + [filter: [site: 'B']],
            ],
            external: ['elsewhere'],
            stages: [[name: 'pretrain', dataset: 'age'], [name: 'finetune', dataset: 'sex']],
        ]
        Path file = home.resolve('search.json')
        Map<String, Object> store = stored ? [store: new File('.nf-test-store').absolutePath] : [:]
        file.text = JsonOutput.toJson(params + store + more)
        return file.toString()
    }

    /** Everybody in the table. */
    static List<String> subjects() {
        return (0..<PEOPLE).collect { i -> "person${i}".toString() }
    }

    /** A table of people and their images, made once. */
    static String table(Object folder) {
        Path home = Files.createDirectories(Path.of(folder.toString()))
        List<String> rows = (0..<PEOPLE).collect { i ->
            writeImage(home.resolve("${i}.npy"), 20 + (i * 7) % 60, i % 2, new Random(i))
            "${i}.npy,person${i},${20 + (i * 7) % 60},${i % 2 ? 'M' : 'F'},${i % 4 == 3 || i % 12 == 0 ? 'B' : 'A'}".toString()
        }
        Path file = home.resolve('images.csv')
        file.text = (['image,subject,age,sex,site'] + rows).join('\n') + '\n'
        return file.toString()
    }

    // NumPy's format, version 1: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    private static void writeImage(Path path, int age, int sex, Random random) {
        List<Integer> pixels = (0..<256).collect { i -> age + (i % 16 < 8 ? 40 * sex : 0) + random.nextInt(30) }
        String header = "{'descr': '|u1', 'fortran_order': False, 'shape': (16, 16), }".padRight(117) + '\n'
        List<Integer> bytes = [0x93] + 'NUMPY'.bytes.toList() + [1, 0, header.size(), 0] + header.bytes.toList() + pixels
        path.bytes = bytes as byte[]
    }
}
