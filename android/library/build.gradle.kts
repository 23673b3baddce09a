plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.compose)
    alias(libs.plugins.kotlin.serialization)
    `maven-publish`
}

group = "dev.mizu"
version = "0.1.0"

val repository: File = rootDir.parentFile
val kotlinApi = repository.resolve("bindings/kotlin/src/main/kotlin")
val generated = repository.resolve("target/bindings/kotlin")
val nativeLibraries: Provider<Directory> = layout.buildDirectory.dir("jniLibs")

android {
    namespace = "dev.mizu.sync.android"
    compileSdk = 36
    // It aligns libraries to pages of 16 KB.
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets.named("main") {
        // The same sources as on a JVM, and the generated side of the boundary.
        kotlin.srcDir(kotlinApi)
        kotlin.srcDir(generated)
        jniLibs.srcDir(nativeLibraries)
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

kotlin {
    explicitApi()
    compilerOptions { allWarningsAsErrors = true }
}

dependencies {
    api(libs.coroutines.android)
    api(libs.serialization.json)
    api(libs.work)
    implementation(libs.compose.runtime)
    implementation(libs.lifecycle.process)
    implementation(libs.startup)
    // Its AAR has JNA's own native half for Android.
    implementation(libs.jna) { artifact { type = "aar" } }
}

// Generates the Kotlin side of the boundary, from a library for this machine.
val generateBindings by tasks.registering(Exec::class) {
    workingDir = repository
    commandLine("cargo", "xtask", "bindings")
    inputs.dir(repository.resolve("src"))
    inputs.dir(repository.resolve("protocol/src"))
    outputs.dir(generated)
}

// Builds the native library for each ABI. Needs cargo-ndk, and the targets of Rust for Android.
val buildNative by tasks.registering(Exec::class) {
    workingDir = repository
    commandLine(
        listOf("cargo", "ndk", "--platform", "24") +
            listOf("arm64-v8a", "armeabi-v7a", "x86_64").flatMap { listOf("--target", it) } +
            listOf("--output-dir", nativeLibraries.get().asFile.path) +
            listOf("build", "--package", "mizu-sync-native", "--profile", "mobile"),
    )
    inputs.dir(repository.resolve("src"))
    inputs.dir(repository.resolve("protocol/src"))
    inputs.file(repository.resolve("Cargo.lock"))
    outputs.dir(nativeLibraries)
}

tasks.named("preBuild") { dependsOn(generateBindings, buildNative) }

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "mizu-sync-android"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "Mizu Sync for Android"
                description = "Offline-first sync for apps"
                url = "https://github.com/go-mizu/mizu-sync"
                licenses {
                    license { name = "MIT" }
                    license { name = "Apache-2.0" }
                }
            }
        }
    }
}
