// Classify an image with classifier.tflite on Android (needs: com.google.ai.edge.litert:litert).
import android.graphics.Bitmap
import org.tensorflow.lite.Interpreter
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

fun classify(model: File, image: Bitmap, answers: Int): FloatArray {
    val pixels = IntArray(image.width * image.height)
    image.getPixels(pixels, 0, image.width, 0, 0, image.width, image.height)
    val rgb = ByteBuffer.allocateDirect(pixels.size * 3).order(ByteOrder.nativeOrder())
    for (pixel in pixels) {
        rgb.put((pixel shr 16).toByte()).put((pixel shr 8).toByte()).put(pixel.toByte())
    }
    rgb.rewind()
    val probabilities = FloatArray(answers)
    Interpreter(model).use { interpreter ->
        interpreter.resizeInput(0, intArrayOf(image.height, image.width, 3))
        interpreter.runSignature(mapOf("image" to rgb), mapOf("probabilities" to probabilities))
    }
    return probabilities
}
